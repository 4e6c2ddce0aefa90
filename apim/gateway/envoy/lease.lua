-- Decides every call inside Envoy, by what it was told and lent by the authorizer.
--
-- A grant says what one credential may do at one listen path, and the headers that say whose calls
-- they are; it is remembered until the change feed contradicts it. A pool holds calls that the
-- authorizer has counted already against a set of limits; all credentials with these limits draw
-- from it. Only a call without a grant, or whose pool is empty, asks. Envoy runs one copy of this
-- file per worker thread and one coroutine per call; a call that asks sleeps, the others go on.
-- Nothing here is shared between workers, so what they use up together is what the authorizer
-- gave them together.
--
-- Fast first: a call with both costs two header look-ups, two table look-ups and the headers that it
-- adds. Looking up a header that is not one of Envoy's own builds an index of all of them (some
-- 3,000 instructions), which is why the hot path asks for none.
--
-- Above stand SETTINGS, written by lua_filter.py, credentials.lua, memory.lua and questions.lua, as
-- one source with this file. All times are in milliseconds.

-- What the limits leave, put together once per second as far as it only changes then.
local function remaining_text(pool, now)
  local limits, left, count = pool.limits, pool.left, #pool.limits
  local second = floor(now / 1000)
  if pool.second ~= second then
    pool.second = second
    local texts = {}
    for i = 1, count do
      local before = i == 1 and "" or texts[i] .. ", "
      texts[i] = before .. '"' .. limits[i].name .. '";r='
      texts[i + 1] = ";t=" .. format("%d", max(ceil((limits[i].resets_at - now) / 1000), 0))
    end
    pool.texts = texts
    pool.reset = format("%d", max(ceil((pool.tightest.resets_at - now) / 1000), 0))
  end
  local parts = {}
  for i = 1, count do
    parts[2 * i - 1] = pool.texts[i]
    parts[2 * i] = format("%d", max(limits[i].remaining + left, 0))
  end
  return concat(parts) .. pool.texts[count + 1]
end

-- The route for marked calls passes these on to the caller. True when the call is told.
local function tell_limits(headers, pool, now)
  local remaining = max(pool.tightest.remaining + pool.left, 0)
  if remaining > pool.near and now - pool.told_at < TELL_EVERY then return false end
  pool.told_at = now
  headers:add("x-apim-ratelimit", remaining_text(pool, now))
  headers:add("x-apim-ratelimit-policy", pool.policy)
  headers:add("x-apim-ratelimit-limit", pool.tightest.quota)
  headers:add("x-apim-ratelimit-remaining", remaining)
  headers:add("x-apim-ratelimit-reset", pool.reset)
  return true
end

-- Names and values are callers' no longer: early_header_mutation has removed all x-apim-*.
local function pass(handle, headers, grant, now, carrier, path)
  local pool, cost = grant.pool, grant.cost
  pool.left = pool.left - cost
  headers:add("x-apim-call", pool.overage and grant.call .. ', overage="' .. pool.overage .. '"' or grant.call)
  if grant.is_test then headers:add("x-apim-environment", "test") end -- chooses the sandbox
  local is_marked = grant.ends_with_response
  if pool.limits and tell_limits(headers, pool, now) then is_marked = true end
  if carrier == "authorization" or (carrier == "foreign" and grant.is_by_bearer) then
    headers:remove("authorization")
  end
  if find(path, "key=", 1, true) then
    path = without_key(path)
    headers:replace(":path", path)
  end
  headers:add("x-envoy-original-path", path) -- for the log; the route rewrites the path
  if cost ~= 1 then handle:streamInfo():dynamicMetadata():set("apim", "cost", cost) end
  if grant.ends_with_response then
    handle:streamInfo():dynamicMetadata():set("apim", "lease", {
      id = pool.id, cost = cost, is_for_one_call = grant.is_for_one_call,
    })
  end
  if is_marked then headers:add("x-apim-after", "1") end
  if is_marked or grant.is_test then handle:clearRouteCache() end
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
local function decide_alone(handle, headers, grant, now, carrier, path, denial)
  if grant and now - max(heard_at, grant.sent) <= grant.grace
    and grant.pool.left + grant.pool.least >= grant.cost then
    complain(handle)
    return pass(handle, headers, grant, now, carrier, path)
  end
  refuse_unchecked(handle, headers, denial)
end

-- Its time is not over, and no change was unheard of for too long.
local function is_known(grant, now)
  return now < grant.ends and (now - heard_at <= grant.trust or now - grant.sent <= grant.trust)
end

local function is_usable(grant, now)
  return is_known(grant, now) and is_filled(grant.pool, grant.cost, now)
end

local BY_OPERATION = "by operation"

-- Nothing that a grant says is trusted that the change feed contradicts, or that it may not know of.
local function is_worth_keeping(grant)
  return not grant.is_for_one_call and grant.change ~= nil and grant.change >= base and is_unchanged(grant)
end

local function current_grant(call)
  local grants = grants_of(call.credential)
  local grant = grants and grants[call.listen]
  if grant == BY_OPERATION then grant = grants[call.operation] end
  if grant and not is_unchanged(grant) then
    drop(call.credential, call.listen)
    drop(call.credential, call.operation)
    return nil
  end
  return grant
end

local function keep_for_next(call, grant)
  if not grant.by_operation then return keep(call.credential, call.listen, grant) end
  if #call.operation > LONGEST_PATH then return end
  local grants = grants_of(call.credential)
  if not grants or grants[call.listen] ~= BY_OPERATION then
    drop(call.credential, call.listen)
    keep(call.credential, call.listen, BY_OPERATION)
  end
  keep(call.credential, call.operation, grant)
end

local function after_grant(handle, call, grant, now)
  local headers = handle:headers()
  grant.ends_with_response = grant.is_for_one_call or handle:metadata():get("cost_header") ~= nil
  if grant.change and not position then
    position, position_text, base = grant.change, grant.change_text, grant.change
    polled_at, routes_changed_at = now, now
  end
  if now - routes_changed_at < ROUTES_FOLLOW then grant.ends = min(grant.ends, now + SHORT_TTL) end
  if position and is_worth_keeping(grant) then keep_for_next(call, grant) end
  pass(handle, headers, grant, now, call.carrier, call.path)
end

local function after_denial(handle, call, denial, now)
  local headers = handle:headers()
  local grant = current_grant(call)
  if denial.status == "503" then
    return decide_alone(handle, headers, grant, now, call.carrier, call.path, denial)
  end
  if denial.status == "429" then
    -- The counters are empty, but calls lent before are not: they are used up first.
    if grant and is_usable(grant, now) then
      grant.pool.renew_after = max(denial.ends, now + 1)
      return pass(handle, headers, grant, now, call.carrier, call.path)
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

-- One call asks for what the next ones need; those that ask meanwhile ask for themselves. Gives what
-- `ask` gives.
local function ask_for_pool(handle, headers, call, pool, now, budget)
  if pool.asking_since and now - pool.asking_since <= ASKING_FORGOTTEN then
    return ask(handle, headers, call, now, 1, nil, budget)
  end
  pool.asking_since = now
  local grant, lease, denial = ask(handle, headers, call, now, demand(pool, now), nil, budget)
  pool.asking_since = nil
  return grant, lease, denial
end

-- What was lent in answer to a call's own question was counted while it waited: it may use that
-- however short the lease and however late the answer, or short windows would refuse it on a slow day.
local function may_pass(grant, lease, now)
  if not grant then return false end
  return is_filled(grant.pool, grant.cost, now) or (lease ~= nil and grant.pool.left >= grant.cost)
end

-- `old` is a grant that may no longer be used, or whose pool is nearly empty.
local function decide_by_asking(handle, call, old, now, budget)
  local headers = handle:headers()
  if not (old and is_usable(old, now)) then
    local denial = known_denial(call.credential .. "\n" .. call.listen, now)
      or known_denial(call.credential .. "\n" .. call.operation, now)
    if denial then return refuse(handle, headers, denial) end
    if budget < MIN_BUDGET then
      return decide_alone(handle, headers, old, now, call.carrier, call.path)
    end
  end
  local began = now
  local grant, lease, denial
  if old and is_known(old, now) then
    grant, lease, denial = ask_for_pool(handle, headers, call, old.pool, now, budget)
  else
    grant, lease, denial = ask(handle, headers, call, now, FIRST_WANT, spare_pools(old and old.pool, now), budget)
  end
  now = handle:timestamp()
  if lease then fill(grant.pool, lease, now) end
  if grant and not may_pass(grant, lease, now) and budget - (now - began) >= MIN_BUDGET then
    -- Others have emptied the pool meanwhile.
    grant, lease, denial = ask_for_pool(handle, handle:headers(), call, grant.pool, now, budget - (now - began))
    now = handle:timestamp()
    if lease then fill(grant.pool, lease, now) end
  end
  if may_pass(grant, lease, now) then return after_grant(handle, call, grant, now) end
  if denial then return after_denial(handle, call, denial, now) end
  old = current_grant(call)
  if old and is_usable(old, now) then
    return pass(handle, handle:headers(), old, now, call.carrier, call.path)
  end
  decide_alone(handle, handle:headers(), old, now, call.carrier, call.path)
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
  local grant, lease, denial = ask(handle, headers, call, now, 1, nil, budget)
  if grant and foreign then
    if lease then fill(grant.pool, lease, now) end
    return after_grant(handle, call, grant, handle:timestamp())
  end
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
  local grants = authorization and grants_of(authorization)
  if not grants then
    local foreign
    credential, carrier, foreign = find_credential(headers, authorization, path)
    if not credential and foreign and has_imports then
      credential, carrier = foreign, "foreign"
    elseif not credential then
      return refuse_without_key(handle, headers, authorization, path, listen, carrier, foreign, now, budget)
    end
    grants = grants_of(credential)
  end
  local grant = grants and grants[listen]
  local operation
  if grant == BY_OPERATION or not grant then
    operation = headers:get(":method") .. " " .. match(path, "^[^?]*")
    grant = grant and grants[operation]
  end
  if grant and not is_unchanged(grant) then
    drop(credential, listen)
    if operation then drop(credential, operation) end
    grant = nil
  end
  if grant and is_usable(grant, now) and not is_low(grant.pool, now) then
    return pass(handle, headers, grant, now, carrier, path)
  end
  local call = {
    credential = credential,
    carrier = carrier,
    authorization = authorization,
    path = path,
    listen = listen,
    operation = operation or (headers:get(":method") .. " " .. match(path, "^[^?]*")),
  }
  decide_by_asking(handle, call, grant, now, budget)
end

-- A mistake in here must not let a call by: Envoy would go on with it.
function envoy_on_request(handle)
  local is_fine, problem = pcall(decide, handle)
  if not is_fine then
    handle:logErr("apim.lease: " .. tostring(problem))
    refuse_unchecked(handle, handle:headers())
  end
end
