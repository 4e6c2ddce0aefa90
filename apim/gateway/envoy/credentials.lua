-- Finds the key that a call bears, and takes it out of the query. Stands above lease.lua.

local find, match, gmatch, sub = string.find, string.match, string.gmatch, string.sub
local concat = table.concat
local bit = require("bit")

local CRC = {}
for byte = 0, 255 do
  local value = byte
  for _ = 1, 8 do
    local shifted = bit.rshift(value, 1)
    value = bit.band(value, 1) == 1 and bit.bxor(shifted, 0xEDB88320) or shifted
  end
  CRC[byte] = value
end

local BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local function crc32_base62(text)
  local value = bit.bnot(0)
  for i = 1, #text do
    value = bit.bxor(bit.rshift(value, 8), CRC[bit.band(bit.bxor(value, text:byte(i)), 255)])
  end
  value = bit.bnot(value) % 4294967296
  local digits = ""
  for _ = 1, 6 do
    local digit = value % 62
    digits = sub(BASE62, digit + 1, digit + 1) .. digits
    value = (value - digit) / 62
  end
  return digits
end

-- The form of apim/keys/secrets.py, checksum included: what is not a key is not asked about.
local function is_key(text)
  if #text > 64 then return false end
  local brand, environment, random = match(text, "^(%l[%l%d]*)_(%l+)_(%w+)$")
  return brand ~= nil and #brand <= 14 and (environment == "live" or environment == "test")
    and #random == 36 and crc32_base62(sub(random, 1, 30)) == sub(random, 31)
end

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- What may_be_imported in apim/keys/secrets.py lets by: perhaps another system's key.
local function may_be_imported(text)
  return #text >= 8 and #text <= 200 and find(text, "^[!-~]+$") ~= nil
end

local MAX_FOREIGN = 3

-- One name for everything that may be another system's key: which of them decides, the authorizer
-- knows alone, and a lease must not serve calls that bear only the others.
local function foreign_name(texts)
  if #texts == 0 or #texts > MAX_FOREIGN then return nil end
  return "\n\n" .. concat(texts, "\n")
end

-- The credential's name and where it stands. Or nil, the kind of refusal, and the name that it has
-- if it is another system's key. A bearer token that is no key is meant for the upstream and left
-- alone.
local function find_credential(headers, authorization, path)
  local is_tried, foreign = false, {}
  local function try(text, place)
    is_tried = true
    if may_be_imported(text) then foreign[#foreign + 1] = place .. text end
  end
  if authorization then
    local bearer = match(authorization, "^[Bb][Ee][Aa][Rr][Ee][Rr]%s+(.-)%s*$")
    if bearer then
      if is_key(bearer) then return authorization, "authorization" end
      try(bearer, "b ")
    end
  end
  local text = headers:get("x-api-key")
  if text then
    -- No header value can begin with a line feed: names of the two kinds never meet.
    if is_key(text) then return "\n" .. text, "x-api-key" end
    try(text, "h ")
  end
  local query = find(path, "key=", 1, true) and match(path, "?([^#]*)")
  if query then
    for name, value in gmatch(query, "([^&=]+)=([^&]*)") do
      if name == "apikey" or name == "api_key" then
        value = unescape(value)
        if is_key(value) then return "\n" .. value, "query" end
        try(value, "q ")
      end
    end
  end
  return nil, is_tried and "malformed" or "missing", foreign_name(foreign)
end

local function without_key(path)
  local before, query = match(path, "^([^?]*)?(.*)$")
  if not query then return path end
  local kept = {}
  for part in gmatch(query, "[^&]+") do
    local name = match(part, "^[^=]*")
    if name ~= "apikey" and name ~= "api_key" then kept[#kept + 1] = part end
  end
  if #kept == 0 then return before end
  return before .. "?" .. concat(kept, "&")
end
