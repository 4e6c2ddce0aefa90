-- Decides every call inside Envoy, by leases that it takes from the authorizer.
--
-- A lease is permission for some calls of one credential at one listen path: tokens that the
-- authorizer has counted already, and the headers that say whose calls they are. Only a call
-- without a usable lease asks. Envoy runs one copy of this file per worker thread and one
-- coroutine per call; a call that asks sleeps, the others go on. Nothing here is shared between
-- workers, so what they use up together is what the authorizer gave them together.
--
-- Fast first: a call with a lease costs two header look-ups, two table look-ups and the headers
-- that it adds. Looking up a header that is not one of Envoy's own builds an index of all of them
-- (some 3,000 instructions), which is why the hot path asks for none.
--
-- Above stand SETTINGS, written by lua_filter.py, and credentials.lua. All times are in milliseconds.

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
-- say nothing that RateLimit does not, and each header costs as much as two look-ups.
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

-- Questions ----------------------------------------------------------------------------------

-- RateLimit headers: what never changes is put together once per lease, the seconds until reset
-- once per second. `least` is what remains of the tightest limit when all tokens are used.
local function read_limits(lease, text, received)
  local policies, limits, least = {}, {}, math.huge
  for entry in gmatch(text or "", "[^|]+") do
    local name, quota, window, remaining, reset, kind =
      match(entry, "^([^,]*),(%d+),(%d+),(-?%d+),(%d+),?(%a*)$")
    if name then
      local one = { name = name, quota = quota, remaining = tonumber(remaining), resets_at = received + tonumber(reset) }
      limits[#limits + 1] = one
      policies[#policies + 1] = kind == "c"
        and format('"%s";q=%s;qu="concurrent-requests"', name, quota)
        or format('"%s";q=%s;w=%s', name, quota, window)
      if one.remaining < least then
        least = one.remaining
        lease.tightest = one
      end
    end
  end
  lease.least = least
  if #limits > 0 then
    lease.limits, lease.policy, lease.second = limits, concat(policies, ", "), -1
    lease.near = tonumber(lease.tightest.quota) * NEAR
  end
end

local IDENTITY = {
  "x-apim-key", "x-apim-application", "x-apim-environment", "x-apim-subscription",
  "x-apim-version", "x-apim-organization", "x-apim-plan", "x-apim-decision", "x-apim-overage",
}

local function read_lease(answer, sent, received)
  local text = answer["x-apim-lease"]
  if not text then return nil end
  local tokens, ttl = tonumber(match(text, "tokens=(%d+)")), tonumber(match(text, "ttl=(%d+)"))
  local id = match(text, "id=([^;]*)")
  if not (id and tokens and ttl) then return nil end
  ttl = min(ttl, MAX_TTL)
  local names, values = {}, {}
  for _, name in ipairs(IDENTITY) do
    if answer[name] then
      names[#names + 1] = name
      values[#values + 1] = answer[name]
    end
  end
  local tags = {}
  for tag in gmatch(answer["x-apim-tags"] or "", "%S+") do tags[#tags + 1] = tag end
  local lease = {
    id = id,
    is_counted = id ~= "-", -- unlimited calls are in nobody's books
    tokens = tokens,
    left = tokens,
    low = floor(tokens / GROWTH),
    cost = tonumber(match(text, "cost=(%d+)")) or 1,
    by_operation = match(text, "scope=(%a+)") == "operation",
    is_for_one_call = match(text, "kind=(%a+)") == "call",
    sent = sent,
    ttl = ttl,
    ends = sent + ttl,
    names = names,
    values = values,
    tags = tags,
    change = instant(answer["x-apim-change"]),
    change_text = answer["x-apim-change"],
    trust = tonumber(answer["x-apim-trust"]) or 1000,
    is_open_on_loss = answer["x-apim-on-loss"] == "open",
    grace = tonumber(answer["x-apim-grace"]) or 0,
    is_test = answer["x-apim-environment"] == "test",
  }
  read_limits(lease, answer["x-apim-limits"], received)
  return lease
end

local NOT_TOLD = { [":status"] = true, ["content-length"] = true, date = true, server = true, connection = true }

-- The refusal as callers get it, and its facts for the log. The body names the call that was
-- refused first; it is cut there, so that each call gets its own id.
local function read_denial(answer, body, received, request_id)
  local denial = { status = answer[":status"], facts = {}, headers = {}, ends = received + (tonumber(answer["x-apim-deny-ttl"]) or 0) }
  for name, value in pairs(answer) do
    if sub(name, 1, 7) == "x-apim-" then
      if name ~= "x-apim-deny-ttl" then denial.facts[name] = value end
    elseif not NOT_TOLD[name] and sub(name, 1, 8) ~= "x-envoy-" then
      denial.headers[name] = value
    end
  end
  denial.headers[":status"] = answer[":status"]
  local from, to = find(body or "", "urn:uuid:" .. request_id, 1, true)
  if from then
    denial.before, denial.after = sub(body, 1, from + 8), sub(body, to + 1)
  else
    denial.before = body or ""
  end
  return denial
end

local function client_address(handle)
  local text = handle:streamInfo():downstreamRemoteAddress()
  return match(text, "^%[(.*)%]") or match(text, "^(.*):%d+$") or text
end

local QUIETLY = { timeout_ms = CHECK_TIMEOUT, send_xff = false }

-- Ask for a lease for this call. Gives the lease, or nil and a refusal, or nil and nil when the
-- authorizer is silent.
local function ask(handle, headers, call, now, want, budget)
  local request_id = headers:get("x-request-id") or ""
  QUIETLY.timeout_ms = budget
  local answer, body = handle:httpCall(SETTINGS.cluster, {
    [":method"] = "POST",
    [":path"] = "/gateway/v1/lease",
    [":authority"] = SETTINGS.cluster,
    ["content-length"] = "0",
    ["authorization"] = call.authorization,
    ["x-api-key"] = headers:get("x-api-key"),
    ["origin"] = headers:get("origin"),
    ["x-original-method"] = headers:get(":method"),
    ["x-original-uri"] = call.path,
    ["x-client-ip"] = client_address(handle),
    ["x-request-id"] = request_id,
    ["x-apim-want"] = format("%d", want),
    ["x-apim-give-back"] = some_of(give_back),
    ["x-apim-extra-cost"] = some_of(extra_cost),
  }, nil, QUIETLY)
  local received = handle:timestamp()
  if answer[":status"] == "200" then return read_lease(answer, now, received), nil end
  if answer["content-type"] ~= "application/problem+json" then return nil, nil end
  return nil, read_denial(answer, body, received, request_id)
end

-- As many calls as were made with the last lease in the time that one lasts.
local function demand(lease, now)
  if not lease then return 1 end
  local used = lease.tokens - max(lease.left, 0)
  local wanted = ceil(used * lease.ttl / max(now - lease.sent, 1))
  return max(1, min(wanted, lease.tokens * GROWTH))
end

-- What becomes of the call -------------------------------------------------------------------

-- The routes pass these on to the caller; see routes.py.
local function add_rate_limits(headers, lease, now)
  local limits, left, count = lease.limits, lease.left, #lease.limits
  local second = floor(now / 1000)
  if lease.second ~= second then
    lease.second = second
    local texts = {}
    for i = 1, count do
      local before = i == 1 and "" or texts[i] .. ", "
      texts[i] = before .. '"' .. limits[i].name .. '";r='
      texts[i + 1] = ";t=" .. format("%d", max(ceil((limits[i].resets_at - now) / 1000), 0))
    end
    lease.texts = texts
    lease.reset = format("%d", max(ceil((lease.tightest.resets_at - now) / 1000), 0))
  end
  local t = lease.texts
  local told
  if count == 1 then
    told = t[1] .. max(limits[1].remaining + left, 0) .. t[2]
  elseif count == 2 then
    told = t[1] .. max(limits[1].remaining + left, 0) .. t[2] .. max(limits[2].remaining + left, 0) .. t[3]
  elseif count == 3 then
    told = t[1] .. max(limits[1].remaining + left, 0) .. t[2] .. max(limits[2].remaining + left, 0) .. t[3]
      .. max(limits[3].remaining + left, 0) .. t[4]
  else
    local parts = {}
    for i = 1, count do
      parts[2 * i - 1] = t[i]
      parts[2 * i] = format("%d", max(limits[i].remaining + left, 0))
    end
    told = concat(parts) .. t[count + 1]
  end
  headers:add("x-apim-ratelimit", told)
  headers:add("x-apim-ratelimit-policy", lease.policy)
  local remaining = max(lease.least + left, 0)
  if remaining <= lease.near then
    headers:add("x-apim-ratelimit-limit", lease.tightest.quota)
    headers:add("x-apim-ratelimit-remaining", remaining)
    headers:add("x-apim-ratelimit-reset", lease.reset)
  end
end

-- Names and values are callers' no longer: early_header_mutation has removed all x-apim-*.
local function pass(handle, headers, lease, now, carrier, path)
  lease.left = lease.left - lease.cost
  local names, values = lease.names, lease.values
  for i = 1, #names do headers:add(names[i], values[i]) end
  if lease.limits then add_rate_limits(headers, lease, now) end
  if carrier == "authorization" then headers:remove("authorization") end
  if find(path, "key=", 1, true) then headers:replace(":path", without_key(path)) end
  if lease.cost ~= 1 then handle:streamInfo():dynamicMetadata():set("apim", "cost", lease.cost) end
  if lease.ends_with_response then
    handle:streamInfo():dynamicMetadata():set("apim", "lease", {
      id = lease.id, cost = lease.cost, is_for_one_call = lease.is_for_one_call,
    })
    headers:add("x-apim-after", "1")
    handle:clearRouteCache()
  elseif lease.is_test then
    handle:clearRouteCache()
  end
end

local function refuse(handle, headers, denial)
  for name, value in pairs(denial.facts) do headers:add(name, value) end
  local body = denial.before
  if denial.after then body = body .. (headers:get("x-request-id") or "") .. denial.after end
  handle:respond(denial.headers, body)
end

local function refuse_unchecked(handle, headers, denial)
  if denial then refuse(handle, headers, denial) end
  headers:add("x-apim-decision", "denied:authorizer_unavailable")
  handle:respond(
    { [":status"] = "503", ["content-type"] = "application/problem+json", ["retry-after"] = "1" },
    SETTINGS.unavailable_before .. (headers:get("x-request-id") or "") .. SETTINGS.unavailable_after
  )
end

-- Nobody can be asked. An API that fails open lets known callers by for a while, but no more of
-- them than their limits left when they were last heard of.
local function decide_alone(handle, headers, lease, now, carrier, path, denial)
  if lease and lease.is_open_on_loss and now - max(heard_at, lease.sent) <= lease.grace
    and lease.left + lease.least >= lease.cost then
    return pass(handle, headers, lease, now, carrier, path)
  end
  refuse_unchecked(handle, headers, denial)
end

-- Usable now: tokens left, its time not over, and no change unheard of for too long.
local function is_usable(lease, now)
  return lease.left >= lease.cost and now < lease.ends
    and (now - heard_at <= lease.trust or now - lease.sent <= lease.trust)
end

local BY_OPERATION = "by operation"

-- Nothing a lease holds is trusted that the change feed contradicts, or that it may not know of.
local function is_worth_keeping(lease)
  return not lease.is_for_one_call and lease.change ~= nil and lease.change >= base and is_unchanged(lease)
end

local function current_lease(call)
  local leases = leases_of(call.credential)
  local lease = leases and leases[call.listen]
  if lease == BY_OPERATION then lease = leases[call.operation] end
  if lease and not is_unchanged(lease) then
    drop(call.credential, call.listen)
    drop(call.credential, call.operation)
    return nil
  end
  return lease
end

local function keep_for_next(call, lease, now)
  local current = current_lease(call)
  if current and current.left > lease.left and is_usable(current, now) then
    return retire(lease) -- another call asked for more at the same time
  end
  if lease.by_operation then
    if #call.operation > LONGEST_PATH then return retire(lease) end
    local leases = leases_of(call.credential)
    if not leases or leases[call.listen] ~= BY_OPERATION then
      drop(call.credential, call.listen)
      keep(call.credential, call.operation, lease)
      leases_of(call.credential)[call.listen] = BY_OPERATION
    else
      keep(call.credential, call.operation, lease)
    end
  else
    keep(call.credential, call.listen, lease)
  end
end

local function after_lease(handle, call, taken, now)
  local headers = handle:headers()
  taken.ends_with_response = taken.is_for_one_call or handle:metadata():get("cost_header") ~= nil
  if taken.change and not position then
    position, position_text, base = taken.change, taken.change_text, taken.change
    polled_at, routes_changed_at = now, now
  end
  if now - routes_changed_at < ROUTES_FOLLOW then taken.ends = min(taken.ends, now + SHORT_TTL) end
  if position and is_worth_keeping(taken) then
    pass(handle, headers, taken, now, call.carrier, call.path)
    return keep_for_next(call, taken, now)
  end
  pass(handle, headers, taken, now, call.carrier, call.path)
  if not taken.is_for_one_call then retire(taken) end
end

local function after_denial(handle, call, denial, now)
  local headers = handle:headers()
  local lease = current_lease(call)
  if denial.status == "503" then
    return decide_alone(handle, headers, lease, now, call.carrier, call.path, denial)
  end
  if denial.status == "429" then
    -- The counters are empty, but tokens taken before are not: they are used up first.
    if lease and is_usable(lease, now) then
      lease.renew_after = max(denial.ends, now + 1)
      return pass(handle, headers, lease, now, call.carrier, call.path)
    end
  else
    drop(call.credential, call.listen)
    drop(call.credential, call.operation)
  end
  if denial.ends > now then
    if denial.status == "401" then
      remember_denial(call.credential .. "\n" .. call.listen, denial)
    elseif #call.operation <= LONGEST_PATH then
      remember_denial(call.credential .. "\n" .. call.operation, denial)
    end
  end
  refuse(handle, headers, denial)
end

-- `lease` is one that may no longer be used, or that is nearly used up.
local function decide_by_asking(handle, call, lease, now, budget)
  local headers = handle:headers()
  if not (lease and is_usable(lease, now)) then
    local denial = known_denial(call.credential .. "\n" .. call.listen, now)
      or known_denial(call.credential .. "\n" .. call.operation, now)
    if denial then return refuse(handle, headers, denial) end
    if budget < MIN_BUDGET then
      return decide_alone(handle, headers, lease, now, call.carrier, call.path)
    end
  end
  -- One call asks for what the next ones need; those that ask meanwhile ask for themselves.
  local want = lease and 1 or FIRST_WANT
  local is_first = lease and now - (lease.asking_since or -math.huge) > ASKING_FORGOTTEN
  if is_first then
    want = demand(lease, now)
    lease.asking_since = now
  end
  local taken, denial = ask(handle, headers, call, now, want, budget)
  if is_first then lease.asking_since = nil end
  now = handle:timestamp()
  if taken then return after_lease(handle, call, taken, now) end
  if denial then return after_denial(handle, call, denial, now) end
  lease = current_lease(call)
  if lease and is_usable(lease, now) then
    return pass(handle, handle:headers(), lease, now, call.carrier, call.path)
  end
  decide_alone(handle, handle:headers(), lease, now, call.carrier, call.path)
end

-- Without a key of ours every caller gets the same refusal: one question serves them all.
local function refuse_without_key(handle, headers, authorization, path, listen, kind, now, budget)
  local name = kind .. "\n" .. listen
  local known = known_denial(name, now)
  if known then return refuse(handle, headers, known) end
  if budget < MIN_BUDGET then return refuse_unchecked(handle, headers) end
  local call = { authorization = authorization, path = path }
  local _, denial = ask(handle, headers, call, now, 1, budget)
  headers = handle:headers()
  if not denial then return refuse_unchecked(handle, headers) end
  if denial.ends > now then remember_denial(name, denial) end
  refuse(handle, headers, denial)
end

-- A clock that was set back would make everything look fresh.
local function forget_if_clock_was_set_back(now)
  if now < latest - POLL_EVERY then
    forget_everything()
    heard_at, polled_at = -math.huge, -math.huge
  elseif now < latest then
    return
  end
  latest = now
end

local function decide(handle)
  local headers = handle:headers()
  local authorization, path = headers:get("authorization"), headers:get(":path")
  local now = handle:timestamp()
  local budget = CHECK_TIMEOUT
  if now < latest then forget_if_clock_was_set_back(now) else latest = now end
  if position and now - polled_at >= POLL_EVERY then
    poll(handle, now)
    headers = handle:headers() -- objects do not outlive a question
    local later = handle:timestamp()
    budget = budget - (later - now)
    now = later
  end
  local listen = match(path, "^/[^/?]*/[^/?]*") or match(path, "^[^?]*")
  local credential, carrier = authorization, "authorization"
  local leases = authorization and leases_of(authorization)
  if not leases then
    credential, carrier = find_credential(headers, authorization, path)
    if not credential then
      return refuse_without_key(handle, headers, authorization, path, listen, carrier, now, budget)
    end
    leases = leases_of(credential)
  end
  local lease = leases and leases[listen]
  local operation
  if lease == BY_OPERATION or not lease then
    operation = headers:get(":method") .. " " .. match(path, "^[^?]*")
    lease = lease and leases[operation]
  end
  if lease and not is_unchanged(lease) then
    drop(credential, listen)
    if operation then drop(credential, operation) end
    lease = nil
  end
  if lease and is_usable(lease, now) and (lease.left > lease.low
    or (lease.asking_since and now - lease.asking_since <= ASKING_FORGOTTEN)
    or (lease.renew_after and now < lease.renew_after)) then
    return pass(handle, headers, lease, now, carrier, path)
  end
  local call = {
    credential = credential,
    carrier = carrier,
    authorization = authorization,
    path = path,
    listen = listen,
    operation = operation or (headers:get(":method") .. " " .. match(path, "^[^?]*")),
  }
  decide_by_asking(handle, call, lease, now, budget)
end

-- A mistake in here must not let a call by: Envoy would go on with it.
function envoy_on_request(handle)
  local is_fine, problem = pcall(decide, handle)
  if not is_fine then
    handle:logErr("apim.lease: " .. tostring(problem))
    refuse_unchecked(handle, handle:headers())
  end
end
