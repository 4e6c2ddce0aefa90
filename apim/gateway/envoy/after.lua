-- Runs only behind calls that lease.lua marked: it tells the authorizer that a call has ended, and
-- what its upstream says that it cost. Nobody waits for the answer.
--
-- Envoy runs it in a Lua state of its own; lease.lua says what it must know in dynamic metadata.

local HIGHEST_COST = 1000000

-- The route that names this file is chosen by lease.lua. No call may reach it unchecked.
function envoy_on_request(handle)
  handle:respond({ [":status"] = "503" }, "")
end

local function stated_cost(handle)
  local name = handle:metadata():get("cost_header")
  local text = name and handle:headers():get(name) -- no value at all, not nil, when it is missing
  local cost = text and tonumber(text)
  if not cost or cost ~= cost or cost < 0 then return nil end
  return math.min(math.ceil(cost), HIGHEST_COST)
end

function envoy_on_response(handle)
  local facts = handle:streamInfo():dynamicMetadata():get("apim")
  local lease = facts and facts.lease
  if not lease then return end
  local cost = stated_cost(handle)
  local extra
  if cost then
    handle:streamInfo():dynamicMetadata():set("apim", "cost", cost)
    if cost > lease.cost then extra = lease.id .. "=" .. string.format("%d", cost - lease.cost) end
  end
  if not (extra or lease.is_for_one_call) then return end
  if lease.is_for_one_call then
    for _ in handle:bodyChunks() do end -- passed on as they come; the last one is the call's end
  end
  handle:httpCall(SETTINGS.cluster, {
    [":method"] = "POST",
    [":path"] = "/gateway/v1/release",
    [":authority"] = SETTINGS.cluster,
    ["content-length"] = "0",
    ["x-apim-lease-id"] = lease.is_for_one_call and lease.id or nil,
    ["x-apim-extra-cost"] = extra,
  }, nil, SETTINGS.check_timeout, true)
end
