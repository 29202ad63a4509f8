-- The revision of the instruments, to be compared with the one that the caller has read.
return tonumber(redis.call('GET', KEYS[1]) or '0')
