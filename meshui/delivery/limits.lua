#!lua name=meshui
-- Counts one request against shared rate limits: one is taken of each, or of none. The generic cell rate algorithm,
-- the steps of proxies/core/gcra.py.
--
-- keys: of each limit the moment at which its bucket would be full again, in microseconds
-- args: of each limit its period and its room, in microseconds
-- Answers {0, 0}, or {the number of the first limit without room, the microseconds until it has room}.

-- Counted from 2025 on, microseconds fit a double with a hundredth of one to spare.
local ORIGIN = 1735689600

local function keep(key, at, now)
  redis.call('SET', key, string.format('%.17g', at), 'PX', math.ceil((at - now) / 1000))
end

local function count(keys, args)
  local time = redis.call('TIME')
  local now = (tonumber(time[1]) - ORIGIN) * 1000000 + tonumber(time[2])
  local full = {}
  for i, key in ipairs(keys) do
    local period, room = tonumber(args[2 * i - 1]), tonumber(args[2 * i])
    local kept = tonumber(redis.call('GET', key) or '') or now
    local at = math.min(math.max(kept, now), now + room + period)
    local wait = at - now - room
    if wait > period / 1000000 then
      if at < kept then -- counted under a limit that was narrower: what is beyond a whole bucket is forgotten
        keep(key, at, now)
      end
      return {i, math.ceil(wait)}
    end
    full[i] = at + period
  end
  for i, key in ipairs(keys) do
    keep(key, full[i], now)
  end
  return {0, 0}
end

redis.register_function('mesh_limit', count)
