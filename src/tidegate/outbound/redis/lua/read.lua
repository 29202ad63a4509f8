-- Catch up. ARGV: epoch, version seen last, 1 when the caller has the state at that version.
-- Gives the version alone when nothing is missing; else {version, whole (0 or 1), what is missing}.
if not of_this_life() then
    return LOST
end
local seen, has = tonumber(ARGV[2]), ARGV[3] == '1'
local version, base, held = standing()
if version < seen then
    return LOST
end
if has and version == seen then
    return version
end
local whole = not (has and seen >= base)
return {version, whole and 1 or 0, missing(version, base, has and seen or nil, held)}
