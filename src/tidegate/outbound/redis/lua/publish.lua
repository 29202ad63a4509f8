-- Say that a life is whole, unless a later one is published.
local epoch = redis.call('HGET', KEYS[1], 'epoch')
if epoch and tonumber(epoch) > tonumber(ARGV[1]) then
    return LOST
end
redis.call('HSET', KEYS[1], 'epoch', ARGV[1])
return 1
