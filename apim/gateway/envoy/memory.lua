-- What a worker remembers: grants, pools, refusals, and what the change feed told. See lease.lua.

local format, floor, ceil, max, min = string.format, math.floor, math.ceil, math.max, math.min
local random = math.random

local CHECK_TIMEOUT = SETTINGS.check_timeout
local POLL_EVERY = 200
-- A question that has not been answered by then was cancelled: its caller has left.
local ASKING_FORGOTTEN = CHECK_TIMEOUT + 50
local MIN_BUDGET = 30
local MAX_TTL = 60000
local MAX_HOLD = 600000
-- Bounds of the tables: two generations of each, the older is dropped when the younger is full.
local MAX_HELD = 50000
local MAX_DENIED = 10000
local MAX_CHANGED = 10000
local MAX_GIVE_BACK = 50
local MAX_WAITING_GIVE_BACK = MAX_HELD
-- Questions of nothing but give-backs that follow one look at the change feed.
local GIVE_BACK_QUESTIONS = 5
local LONGEST_PATH = 1024
-- What was lent so lately is not given back when it is recalled.
local HOLD_ON = 1000
-- So many pools of the worker a question names at most.
local MAX_TOLD_POOLS = 8
-- What a credential that was not seen lately is lent at first, if its limits allow.
local FIRST_WANT = 4
-- Answers tell what the limits leave, but no more often per pool than this, unless little is left:
-- five headers cost a tenth of a call. The draft leaves it to us which answers bear them.
local NEAR, TELL_EVERY = 0.1, 5
-- How much the tokens asked for may grow from one lease to the next.
local GROWTH = 16

-- Each call leaves two kilobytes of garbage. While what lives is small, it is collected in larger
-- steps: memory grows to six times of what lives before it begins.
local FEW_KILOBYTES, LARGE_STEPS, SMALL_STEPS = 65536, 600, 200
collectgarbage("setpause", LARGE_STEPS)

-- What credentials may do: credential → listen path (or method and path) → grant.
local held, held_before, held_count = {}, {}, 0
-- Calls that were lent, by the name of the limits that counted them. Grants hold the pool that they
-- draw from, all keys with the same limits the same one; a pool that no grant holds is forgotten.
local WEAK = { __mode = "v" }
local pools = setmetatable({}, WEAK)
-- Names of those that were filled last: a question for another key says which of them will do.
local filled, filled_at = {}, 0
-- Refusals that may be repeated: name → refusal.
local denied, denied_before, denied_count = {}, {}, 0
-- The change feed: where it was read up to, from where on it is complete, and when it was last heard.
local position, position_text, base = nil, nil, nil
local heard_at, polled_at = -math.huge, -math.huge
-- Envoy's routes may follow the change feed: what was read of one is not kept for long until then.
local routes_changed_at = 0
local ROUTES_FOLLOW, SHORT_TTL = 3000, 500
-- Changed names: name → position at which it was heard.
local changed, changed_count = {}, 0
-- Whether there are keys that another system made: then what does not look like ours may be one.
local has_imports = false
local give_back, extra_cost = {}, {}
local ending = {}
local latest = 0

local function forget_everything()
  held, held_before, held_count = {}, {}, 0
  denied, denied_before, denied_count = {}, {}, 0
  changed, changed_count = {}, 0
  pools, filled = setmetatable({}, WEAK), {}
end

-- Pools --------------------------------------------------------------------------------------

local function is_filled(pool, cost, now)
  return pool.left >= cost and now < pool.ends
end

-- Asking for more is due when little is left, unless a call does it already or it was refused.
local function is_low(pool, now)
  return pool.left <= pool.low
    and not (pool.asking_since and now - pool.asking_since <= ASKING_FORGOTTEN)
    and not (pool.renew_after and now < pool.renew_after)
end

-- What is left goes back; what passed beyond it, while nobody could be asked, is told.
local function settle_lease(lease, left)
  if not lease.is_counted or left == 0 then return end
  local list, count = give_back, left
  if left < 0 then list, count = extra_cost, -left end
  if #list < MAX_WAITING_GIVE_BACK then list[#list + 1] = lease.id .. "=" .. format("%d", count) end
end

-- It is remembered with as many tokens as were used of it.
local function retire(pool)
  settle_lease(pool, pool.left)
  pool.tokens, pool.left = pool.tokens - pool.left, 0
end

-- Pools by the second after which their calls end, so that unused ones go back on time.
local function retire_ended(now)
  local before = floor(now / 1000)
  for second, some in pairs(ending) do
    if second < before then
      for i = 1, #some do
        if some[i].ends <= now then retire(some[i]) end
      end
      ending[second] = nil
    end
  end
end

local function new_pool(name)
  return { name = name, left = 0, tokens = 0, low = 0, ends = 0, sent = 0, ttl = 1, least = 0, told_at = 0 }
end

local function pool_named(name)
  local pool = pools[name]
  if not pool then
    pool = new_pool(name)
    pools[name] = pool
  end
  return pool
end

-- Of two leases the larger is kept, if others asked for more at the same time.
local function fill(pool, lease, now)
  if is_filled(pool, lease.tokens + 1, now) then return settle_lease(lease, lease.tokens) end
  retire(pool)
  for name, value in pairs(lease) do pool[name] = value end
  pool.left, pool.low, pool.second = lease.tokens, floor(lease.tokens / GROWTH), -1
  pool.limits, pool.overage, pool.renew_after = lease.limits, lease.overage, nil
  if not pool.name then return end -- nobody else's
  local second = floor(pool.ends / 1000)
  local others = ending[second]
  if others then others[#others + 1] = pool else ending[second] = { pool } end
  if filled[filled_at] ~= pool.name then
    filled_at = filled_at % MAX_TOLD_POOLS + 1
    filled[filled_at] = pool.name
  end
end

-- What is lent of these counters is wanted back: a limit refuses, perhaps only because it is lent.
-- What came within the last second is in use.
local function recall(counters, now)
  for _, pool in pairs(pools) do
    if pool.left > 0 and pool.counters and now - pool.sent > HOLD_ON then
      for counter in gmatch(counters, "%x+") do
        if find(pool.counters, counter, 1, true) then
          retire(pool)
          break
        end
      end
    end
  end
end

-- Names of pools with calls to spare, and `mine` if it is one.
local function spare_pools(mine, now)
  local names = {}
  if mine and mine.name and is_filled(mine, mine.low + 1, now) then names[1] = mine.name end
  for i = 1, #filled do
    local pool = pools[filled[i]]
    if pool and pool ~= mine and is_filled(pool, pool.low + 1, now) then names[#names + 1] = filled[i] end
  end
  return #names > 0 and concat(names, ",") or nil
end

-- Tables of bounded size ---------------------------------------------------------------------

local function grants_of(credential)
  local grants = held[credential]
  if grants then return grants end
  grants = held_before[credential]
  if grants then
    held_before[credential] = nil
    held[credential] = grants
    held_count = held_count + 1
  end
  return grants
end

local function keep(credential, name, grant)
  local grants = grants_of(credential)
  if not grants then
    grants = {}
    held[credential] = grants
  end
  if not grants[name] then held_count = held_count + 1 end
  grants[name] = grant
  if held_count >= MAX_HELD then held_before, held, held_count = held, {}, 0 end
end

local function drop(credential, name)
  local grants = grants_of(credential)
  if grants then grants[name] = nil end
end

local function known_denial(name, now)
  local denial = denied[name] or denied_before[name]
  if denial and now < denial.ends then return denial end
  return nil
end

local function remember_denial(name, denial)
  denied[name] = denial
  denied_count = denied_count + 1
  if denied_count >= MAX_DENIED then denied_before, denied, denied_count = denied, {}, 0 end
end

local function some_of(list)
  if #list == 0 then return nil end
  local count = min(#list, MAX_GIVE_BACK)
  local text = concat(list, ",", #list - count + 1)
  for _ = 1, count do list[#list] = nil end
  return text
end

-- The change feed ----------------------------------------------------------------------------

-- A stream id as a number: its milliseconds and its place among those of one millisecond.
local function instant(id)
  local at, place = match(id or "", "^(%d+)-(%d+)")
  return at and tonumber(at) * 4096 + min(tonumber(place), 4095)
end

-- What has not gone along with a question for long enough goes alone; nobody waits for an answer.
local function settle(handle)
  for _ = 1, GIVE_BACK_QUESTIONS do
    if #give_back == 0 and #extra_cost == 0 then return end
    handle:httpCall(SETTINGS.cluster, {
      [":method"] = "POST",
      [":path"] = "/gateway/v1/release",
      [":authority"] = SETTINGS.cluster,
      ["content-length"] = "0",
      ["x-apim-give-back"] = some_of(give_back),
      ["x-apim-extra-cost"] = some_of(extra_cost),
    }, nil, CHECK_TIMEOUT, true)
  end
end

-- Ask what has changed. Grants are not searched: each looks for its names in `changed` when it is
-- used next. True when the feed was heard.
local function poll(handle, now)
  polled_at = now
  local answer, body = handle:httpCall(SETTINGS.cluster, {
    [":method"] = "GET",
    [":path"] = "/gateway/v1/changes?since=" .. position_text,
    [":authority"] = SETTINGS.cluster,
  }, nil, CHECK_TIMEOUT)
  if answer[":status"] ~= "200" or not body then return false end
  local text, names = match(body, "^([^\n]*)\n?([^\n]*)")
  local newest = instant(text)
  if not newest then return false end
  if names == "reset" then
    forget_everything()
    base = newest
  elseif newest < position then
    return false -- an authorizer that lags behind what was already heard
  else
    for name in gmatch(names, "%S+") do
      if not changed[name] then changed_count = changed_count + 1 end
      changed[name] = newest
      if name == "g:routes" then routes_changed_at = now end
    end
    if changed_count > MAX_CHANGED then
      forget_everything()
      base = newest
    end
  end
  position, position_text = newest, text
  heard_at = max(heard_at, now)
  has_imports = answer["x-apim-imports"] == "1"
  if answer["x-apim-recall"] then recall(answer["x-apim-recall"], now) end
  retire_ended(now)
  settle(handle)
  collectgarbage("setpause", collectgarbage("count") > FEW_KILOBYTES and SMALL_STEPS or LARGE_STEPS)
  return true
end

-- Nothing that the grant depends on was changed after it was decided.
local function is_unchanged(grant)
  if grant.checked == position then return true end
  if grant.change < base then return false end
  local tags = grant.tags
  for i = 1, #tags do
    local at = changed[tags[i]]
    if at and at > grant.change then return false end
  end
  grant.checked = position
  return true
end
