-- Append whatever has moved the user since. ARGV: epoch, version seen last, 1 when the caller has the state, moves.
-- Gives {version before, whole (0 or 1), what was missing before, due}.
if not of_this_life() then
    return LOST
end
local seen, has = tonumber(ARGV[2]), ARGV[3] == '1'
local version, base, held = standing()
if version < seen then
    return LOST
end
local whole = not (has and seen >= base)
local lacking = missing(version, base, has and seen or nil, held)
local due = append(4, held)
return {version, whole and 1 or 0, lacking, due}
