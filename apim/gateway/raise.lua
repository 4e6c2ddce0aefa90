-- Raises one counter to what is known to have been counted; never lowers it. See
-- authorizer/take.lua for what counters hold. Answers 1 if it was lower.
--
-- KEYS: the counter, a window with its start. ARGV: w, calls, unix second of its expiry; or
-- s, first part that still counts, milliseconds that it is kept, then pairs of a part and its
-- calls, the newest first.
local name = KEYS[1]
if ARGV[1] == 'w' then
  if tonumber(ARGV[2]) <= tonumber(redis.call('GET', name) or 0) then return 0 end
  redis.call('SET', name, ARGV[2])
  redis.call('EXPIREAT', name, ARGV[3])
  return 1
end

-- Parts of the log and of the counter may differ by one for the same call, so only sums are
-- compared. What is missing goes to the newest parts, which leave the window last.
local first, missing = tonumber(ARGV[2]), 0
for at = 4, #ARGV, 2 do missing = missing + tonumber(ARGV[at + 1]) end
local stored = redis.call('HGETALL', name)
for at = 1, #stored, 2 do
  if tonumber(stored[at]) >= first then missing = missing - math.max(tonumber(stored[at + 1]), 0) end
end
if missing <= 0 then return 0 end
for at = 4, #ARGV, 2 do
  local calls = math.min(missing, tonumber(ARGV[at + 1]))
  if calls <= 0 then break end
  redis.call('HINCRBY', name, ARGV[at], string.format('%d', calls))
  missing = missing - calls
end
redis.call('PEXPIRE', name, ARGV[3])
return 1
