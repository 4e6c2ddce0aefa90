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
-- Above stand SETTINGS, written by lua_filter.py, credentials.lua, memory.lua and questions.lua, as
-- one source with this file. All times are in milliseconds.

-- The routes pass these on to the caller; see routes.py. True when the call is near a limit.
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
  local remaining = max(lease.tightest.remaining + left, 0)
  if remaining > lease.near then return false end
  headers:add("x-apim-ratelimit-limit", lease.tightest.quota)
  headers:add("x-apim-ratelimit-remaining", remaining)
  headers:add("x-apim-ratelimit-reset", lease.reset)
  return true
end

-- Names and values are callers' no longer: early_header_mutation has removed all x-apim-*.
local function pass(handle, headers, lease, now, carrier, path)
  lease.left = lease.left - lease.cost
  headers:add("x-apim-call", lease.call)
  if lease.is_test then headers:add("x-apim-environment", "test") end -- chooses the sandbox
  local is_marked = lease.ends_with_response
  if lease.limits and add_rate_limits(headers, lease, now) then is_marked = true end
  if carrier == "authorization" or (carrier == "foreign" and lease.is_by_bearer) then
    headers:remove("authorization")
  end
  if find(path, "key=", 1, true) then headers:replace(":path", without_key(path)) end
  if lease.cost ~= 1 then handle:streamInfo():dynamicMetadata():set("apim", "cost", lease.cost) end
  if lease.ends_with_response then
    handle:streamInfo():dynamicMetadata():set("apim", "lease", {
      id = lease.id, cost = lease.cost, is_for_one_call = lease.is_for_one_call,
    })
  end
  if is_marked then headers:add("x-apim-after", "1") end
  if is_marked or lease.is_test then handle:clearRouteCache() end
end

local function refuse(handle, headers, denial)
  headers:add("x-apim-call", denial.call)
  local body = denial.before
  if denial.after then body = body .. (headers:get("x-request-id") or "") .. denial.after end
  handle:respond(denial.headers, body)
end

local COMPLAIN_EVERY = 10000
local complained_at = -math.huge

local function complain(handle)
  local now = handle:timestamp()
  if now - complained_at < COMPLAIN_EVERY then return end
  complained_at = now
  handle:logWarn("apim.lease: calls cannot be checked; they are refused, or let by where their API fails open")
end

local function refuse_unchecked(handle, headers, denial)
  complain(handle)
  if denial then refuse(handle, headers, denial) end
  headers:add("x-apim-call", "decision=denied:authorizer_unavailable")
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
    complain(handle)
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

-- Without a key of ours every caller gets the same refusal: one question serves them all. Unless
-- the authorizer knows by now of keys that another system made, and `foreign` names one.
local function refuse_without_key(handle, headers, authorization, path, listen, kind, foreign, now, budget)
  local name = kind .. "\n" .. listen
  local known = known_denial(name, now)
  if known then return refuse(handle, headers, known) end
  if budget < MIN_BUDGET then return refuse_unchecked(handle, headers) end
  local call = {
    credential = foreign,
    carrier = "foreign",
    authorization = authorization,
    path = path,
    listen = listen,
    operation = headers:get(":method") .. " " .. match(path, "^[^?]*"),
  }
  local taken, denial = ask(handle, headers, call, now, 1, budget)
  if taken and foreign then return after_lease(handle, call, taken, handle:timestamp()) end
  headers = handle:headers()
  if not denial then return refuse_unchecked(handle, headers) end
  if denial.ends > now and (kind == "missing" or not has_imports) then remember_denial(name, denial) end
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
    local foreign
    credential, carrier, foreign = find_credential(headers, authorization, path)
    if not credential and foreign and has_imports then
      credential, carrier = foreign, "foreign"
    elseif not credential then
      return refuse_without_key(handle, headers, authorization, path, listen, carrier, foreign, now, budget)
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
