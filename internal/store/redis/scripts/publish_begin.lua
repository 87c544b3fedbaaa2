-- Begins publish.lua, which says what the arguments are: they are unpacked here, and the clock is read as in clock.lua.
local offset, reprieve, lifetime, limit, op, member, match, id, tag = struct.unpack('>i8I8I8I4c1I4c0I4c0I4c0I4c0', ARGV[1])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2] + offset
local over = now - reprieve -- what ends at this time or earlier has ended
local ends = now + lifetime
