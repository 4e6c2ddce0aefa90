-- What a worker remembers: leases, refusals, and what the change feed told. See lease.lua.

local format, floor, ceil, max, min = string.format, math.floor, math.ceil, math.max, math.min

local CHECK_TIMEOUT = SETTINGS.check_timeout
local POLL_EVERY = 200
-- A question that has not been answered by then was cancelled: its caller has left.
local ASKING_FORGOTTEN = CHECK_TIMEOUT + 50
local MIN_BUDGET = 30
local MAX_TTL = 30000
-- Bounds of the tables: two generations of each, the older is dropped when the younger is full.
local MAX_HELD = 50000
local MAX_DENIED = 10000
local MAX_CHANGED = 10000
local MAX_GIVE_BACK = 50
local MAX_WAITING_GIVE_BACK = MAX_HELD
-- Questions of nothing but give-backs that follow one look at the change feed.
local GIVE_BACK_QUESTIONS = 5
local LONGEST_PATH = 1024
-- What a credential that was not seen lately is lent at first, if its limits allow.
local FIRST_WANT = 8
-- From this share of the tightest limit on, answers also bear the older X-RateLimit-* headers. They
-- say nothing that RateLimit does not, and each costs a hundredth of a call.
local NEAR = 0.1
-- How much the tokens asked for may grow from one lease to the next.
local GROWTH = 16

-- Each call leaves two kilobytes of garbage, while what lives is small: collect in larger steps.
collectgarbage("setpause", 600)

-- Leases: credential → listen path (or method and path) → lease.
local held, held_before, held_count = {}, {}, 0
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
end

-- Tables of bounded size ---------------------------------------------------------------------

-- What is left of a lease goes back; what passed beyond it, while nobody could be asked, is told.
-- It is remembered as the last lease, with as many tokens as were used of it.
local function retire(lease)
  local left = lease.left
  if not lease.is_counted or left == 0 then return end
  local list, count = give_back, left
  if left < 0 then list, count = extra_cost, -left end
  if #list < MAX_WAITING_GIVE_BACK then list[#list + 1] = lease.id .. "=" .. format("%d", count) end
  lease.tokens, lease.left = lease.tokens - left, 0
end

-- Kept leases by the second after which they end, so that unused tokens go back on time.
local function retire_ended(now)
  local before = floor(now / 1000)
  for second, leases in pairs(ending) do
    if second < before then
      for i = 1, #leases do retire(leases[i]) end
      ending[second] = nil
    end
  end
end

local function leases_of(credential)
  local leases = held[credential]
  if leases then return leases end
  leases = held_before[credential]
  if leases then
    held_before[credential] = nil
    held[credential] = leases
    held_count = held_count + 1
  end
  return leases
end

local function keep(credential, name, lease)
  local leases = leases_of(credential)
  if not leases then
    leases = {}
    held[credential] = leases
  end
  if type(leases[name]) == "table" then retire(leases[name]) end
  leases[name] = lease
  local second = floor(lease.ends / 1000)
  local others = ending[second]
  if others then others[#others + 1] = lease else ending[second] = { lease } end
  held_count = held_count + 1
  if held_count >= MAX_HELD then
    for _, dropped in pairs(held_before) do
      for _, one in pairs(dropped) do
        if type(one) == "table" then retire(one) end
      end
    end
    held_before, held, held_count = held, {}, 0
  end
end

local function drop(credential, name)
  local leases = leases_of(credential)
  local lease = leases and leases[name]
  if lease then
    if type(lease) == "table" then retire(lease) end
    leases[name] = nil
  end
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

-- Ask what has changed. Leases are not searched: each looks for its names in `changed` when it is
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
  retire_ended(now)
  settle(handle)
  return true
end

-- Nothing that the lease depends on was changed after it was decided.
local function is_unchanged(lease)
  if lease.checked == position then return true end
  if lease.change < base then return false end
  local tags = lease.tags
  for i = 1, #tags do
    local at = changed[tags[i]]
    if at and at > lease.change then return false end
  end
  lease.checked = position
  return true
end
