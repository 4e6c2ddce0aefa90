-- Asks the authorizer and reads its answer: a grant, and mostly a lease that fills its pool. See
-- lease.lua.

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
  lease.least = max(least, 0) -- a soft quota that is used up holds up nobody
  if #limits > 0 then
    lease.limits, lease.policy, lease.second = limits, concat(policies, ", "), -1
    lease.near = tonumber(lease.tightest.quota) * NEAR
  end
end

local IDENTITY = {
  "decision", "key", "application", "subscription", "environment", "version", "organization", "plan",
}

-- Whose call it is and what was decided, as one header: a dictionary of RFC 9651. Eight headers
-- would cost Envoy and the upstream a tenth of their speed.
local function call_text(answer)
  local members = {}
  for _, name in ipairs(IDENTITY) do
    local value = answer["x-apim-" .. name]
    if value then members[#members + 1] = name .. "=" .. value end
  end
  return concat(members, ", ")
end

local function read_tags(text)
  local tags = {}
  for tag in gmatch(text or "", "%S+") do tags[#tags + 1] = tag end
  return tags
end

-- Gives the grant, and the lease if one was given, which is `tokens` calls until it `ends`. A grant
-- has no more than sixteen fields: for the next one Lua would take twice the memory.
local function read_grant(answer, sent, received)
  local text = answer["x-apim-lease"]
  if not text then return nil end
  local tokens, ttl = tonumber(match(text, "tokens=(%d+)")), tonumber(match(text, "ttl=(%d+)"))
  local id, hold = match(text, "id=([^;]*)"), tonumber(match(text, "hold=(%d+)"))
  if not (id and tokens and ttl and hold) then return nil end
  local name = match(text, "pool=(%w+)")
  local is_open_on_loss = answer["x-apim-on-loss"] == "open"
  local grant = {
    pool = name and pool_named(name) or new_pool(),
    cost = tonumber(match(text, "cost=(%d+)")) or 1,
    by_operation = match(text, "scope=(%a+)") == "operation",
    is_for_one_call = match(text, "kind=(%a+)") == "call",
    sent = sent,
    -- Not all at the same time: each is asked about anew.
    ends = sent + min(hold, MAX_HOLD) * (1 - random() / 2),
    call = call_text(answer),
    tags = read_tags(answer["x-apim-tags"]),
    change = instant(answer["x-apim-change"]),
    change_text = answer["x-apim-change"],
    trust = tonumber(answer["x-apim-trust"]) or 1000,
    -- For how long it serves when nobody can be asked.
    grace = is_open_on_loss and tonumber(answer["x-apim-grace"]) or -1,
    is_test = answer["x-apim-environment"] == "test",
    is_by_bearer = find(answer["x-envoy-auth-headers-to-remove"] or "", "authorization", 1, true) ~= nil,
    ends_with_response = false,
    checked = false,
  }
  if tokens == 0 then return grant, nil end
  local lease = {
    id = id,
    is_counted = id ~= "-", -- unlimited calls are in nobody's books
    tokens = tokens,
    sent = sent,
    ttl = ttl,
    ends = sent + (id == "-" and hold or min(ttl, MAX_TTL)),
    overage = answer["x-apim-overage"],
    counters = answer["x-apim-counters"],
  }
  read_limits(lease, answer["x-apim-limits"], received)
  return grant, lease
end

local NOT_TOLD = { [":status"] = true, ["content-length"] = true, date = true, server = true, connection = true }

-- The refusal as callers get it, and its facts for the log. The body names the call that was
-- refused first; it is cut there, so that each call gets its own id.
local function read_denial(answer, body, received, request_id)
  local ends = received + (tonumber(answer["x-apim-deny-ttl"]) or 0)
  local denial = { status = answer[":status"], call = call_text(answer), headers = {}, ends = ends }
  for name, value in pairs(answer) do
    if not NOT_TOLD[name] and sub(name, 1, 7) ~= "x-apim-" and sub(name, 1, 8) ~= "x-envoy-" then
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

-- With the request's id it names each question: what is lent in an answer that comes too late goes
-- back by that name.
local questions = 0

local QUIETLY = { timeout_ms = CHECK_TIMEOUT, send_xff = false }

-- Ask about this call, and for `want` calls unless it draws from one of the pools that are named.
-- Gives the grant and what was lent, or nil and nil and a refusal, or nothing when the authorizer is
-- silent.
local function ask(handle, headers, call, now, want, spare, budget)
  local request_id = headers:get("x-request-id") or ""
  questions = questions + 1
  local question = format("%s-%d", request_id, questions)
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
    ["x-apim-question"] = question,
    ["x-apim-want"] = format("%d", want),
    ["x-apim-pools"] = spare,
    ["x-apim-give-back"] = some_of(give_back),
    ["x-apim-extra-cost"] = some_of(extra_cost),
  }, nil, QUIETLY)
  local received = handle:timestamp()
  if answer["x-apim-imports"] then has_imports = true end -- only the feed tells that there are none
  if answer[":status"] == "200" then return read_grant(answer, now, received) end
  if answer["content-type"] ~= "application/problem+json" then
    if #give_back < MAX_WAITING_GIVE_BACK then give_back[#give_back + 1] = "?" .. question .. "=1" end
    return nil, nil, nil
  end
  return nil, nil, read_denial(answer, body, received, request_id)
end

-- As many calls as were made with the last lease in the time that one lasts.
local function demand(pool, now)
  local used = pool.tokens - max(pool.left, 0)
  local wanted = ceil(used * pool.ttl / max(now - pool.sent, 1))
  return max(1, min(wanted, pool.tokens * GROWTH))
end
