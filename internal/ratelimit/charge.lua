-- Charges a caller's account: how many microseconds it takes, from now, until all units are available again.
--
-- KEYS[1]  the account: that moment, in microseconds of this server's clock
-- ARGV[1]  microseconds that restore one unit
-- ARGV[2]  units that were used before, which are taken in any case; negative for a refund
-- ARGV[3]  units that are taken first, if there are so many
-- ARGV[4]  units that are taken then, if there are so many
--
-- It returns 1 if all were taken and otherwise 0, and those microseconds.
local time = redis.call('TIME')
local now, unit = time[1] * 1000000 + time[2], tonumber(ARGV[1])
local used = math.max(0, (redis.call('GET', KEYS[1]) or now) - now)
used = math.max(0, used + ARGV[2] * unit)
local ok = 0
if used + ARGV[3] * unit <= 60000000 then
  used = used + ARGV[3] * unit
  if used + ARGV[4] * unit <= 60000000 then
    used = used + ARGV[4] * unit
    ok = 1
  end
end
redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', math.ceil(used / 1000) + 1)
return {ok, math.ceil(used)}
