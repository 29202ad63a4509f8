-- Keep the latest time told of each partition. ARGV: partition, time, partition, time...
for place = 1, #ARGV, 2 do
    local stands = redis.call('HGET', KEYS[1], ARGV[place])
    if not stands or tonumber(stands) < tonumber(ARGV[place + 1]) then
        redis.call('HSET', KEYS[1], ARGV[place], ARGV[place + 1])
    end
end
return 1
