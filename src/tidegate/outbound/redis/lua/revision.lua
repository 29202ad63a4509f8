-- The revision of the instruments, to be compared with the one that the caller has read.
return revision_at(KEYS[1])
