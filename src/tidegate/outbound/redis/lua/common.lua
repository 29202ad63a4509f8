-- What every script on a user begins with. KEYS: the epoch of the bucket, the user's row, the user's moves.
-- The row: e (epoch), v (version), bv (base version), s (state at bv), f (windows at bv). Move k of the list takes the
-- state from bv + k - 1 to bv + k. ARGV[1] is always the epoch on which the caller works.

local LOST = redis.status_reply('LOST')
local MOVED = redis.status_reply('MOVED')
local MOVES_KEPT = 128
-- A state as large as this many bytes a move is not written anew for so few moves.
local STATE_BYTES_A_MOVE = 200

-- The revision of the instruments; 0 before the first.
local function revision_at(key)
    return tonumber(redis.call('GET', key) or '0') or error('the revision of the instruments is no number')
end

local function of_this_life()
    return redis.call('GET', KEYS[1]) == ARGV[1]
end

-- Version and base version; nil for a user that this life does not hold.
local function standing()
    local row = redis.call('HMGET', KEYS[2], 'e', 'v', 'bv')
    if row[1] ~= ARGV[1] then
        return 0, 0, nil
    end
    return tonumber(row[2]), tonumber(row[3]), true
end

-- Append ARGV[first], ... to the moves; tell whether the caller is to make the state at hand the base.
local function append(first, held)
    local count = #ARGV - first + 1
    if not held then
        redis.call('DEL', KEYS[2], KEYS[3])
        redis.call('HSET', KEYS[2], 'e', ARGV[1], 'v', 0, 'bv', 0)
    end
    local length = 0
    for place = first, #ARGV do
        length = redis.call('RPUSH', KEYS[3], ARGV[place])
    end
    redis.call('HINCRBY', KEYS[2], 'v', count)
    if math.floor(length / MOVES_KEPT) == math.floor((length - count) / MOVES_KEPT) then
        return 0
    end
    return redis.call('HSTRLEN', KEYS[2], 's') <= length * STATE_BYTES_A_MOVE and 1 or 0
end

-- What a reader lacks that knows the state at version seen (nil: no state): the moves since, or everything.
local function missing(version, base, seen, held)
    if seen and seen >= base then
        if seen == version then
            return {}
        end
        return redis.call('LRANGE', KEYS[3], seen - base, version - base - 1)
    end
    if not held then
        return {0, '', '', {}}
    end
    local facts = redis.call('HMGET', KEYS[2], 's', 'f')
    local moves = version > base and redis.call('LRANGE', KEYS[3], 0, version - base - 1) or {}
    return {base, facts[1] or '', facts[2] or '', moves}
end
