-- All instruments at one revision. KEYS: instruments, ages, revision. Gives {revision, {symbol, instrument, age}...}.
local rows = {}
local held = redis.call('HGETALL', KEYS[1])
for place = 1, #held, 2 do
    rows[#rows + 1] = {held[place], held[place + 1], redis.call('HGET', KEYS[2], held[place]) or '0'}
end
return {revision_at(KEYS[3]), rows}
