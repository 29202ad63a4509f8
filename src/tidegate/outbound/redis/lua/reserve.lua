-- Compare and append. ARGV: epoch, version that the caller decided on, moves (perhaps none).
-- Gives {version after, due}; MOVED when the user has moved since.
if not of_this_life() then
    return LOST
end
local decided_on = tonumber(ARGV[2])
local version, _, held = standing()
if version < decided_on then
    return LOST
end
if version ~= decided_on then
    return MOVED
end
if not ARGV[3] then
    return {version, 0}
end
local due = append(3, held)
return {version + #ARGV - 2, due}
