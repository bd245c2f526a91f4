-- Notes that a gateway runs, and returns how many do.
--
-- KEYS[1]  a sorted set of gateways, by the millisecond of this server's clock at which each counts as stopped
-- ARGV[1]  the gateway's name
-- ARGV[2]  how long it counts as running, in milliseconds
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
redis.call('ZADD', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return redis.call('ZCARD', KEYS[1])
