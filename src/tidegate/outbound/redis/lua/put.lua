-- Put a user in, instead of what is held of it. ARGV: epoch, version, base version, state, windows, moves.
if not of_this_life() then
    return LOST
end
redis.call('DEL', KEYS[2], KEYS[3])
redis.call('HSET', KEYS[2], 'e', ARGV[1], 'v', ARGV[2], 'bv', ARGV[3], 's', ARGV[4], 'f', ARGV[5])
for place = 6, #ARGV do
    redis.call('RPUSH', KEYS[3], ARGV[place])
end
return 1
