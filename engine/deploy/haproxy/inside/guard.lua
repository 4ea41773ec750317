-- Who may ask an endpoint, and how much of it. engine/deploy/gateway/guard.py says the same in the same words.
local routes = require("routes")

local M = {}

-- The digest of the key that a request brings as `Authorization: Bearer KEY`; nil without one.
local function digest_of(txn)
  local key = (txn.f:req_fhdr("authorization", -1) or ""):match("^[Bb]earer +(%S+)%s*$")
  return key and (txn.c:sha2(key, 256):gsub(".", function(char) return string.format("%02x", char:byte()) end))
end

-- Whether one more may pass at `per_s` a second: a bucket that holds what one second allows.
local function passes(guard, now_s)
  local left = guard.left or guard.per_s
  if guard.seen then left = math.min(guard.per_s, left + math.max(0, now_s - guard.seen) * guard.per_s) end
  guard.seen = now_s
  guard.left = left >= 1 and left - 1 or left
  return left >= 1
end

local function under_way(txn, endpoint)
  local count = 0
  for _, entry in ipairs(endpoint.entries) do count = count + txn.f:be_conn(entry.slot.name) end
  return count
end

-- Return status, code and message where a request to an endpoint is refused, nil where it may pass.
function M.refusal(txn, name, endpoint)
  local guard = routes.guards[name]
  if not guard then return nil end
  if guard.needs_key then
    local digest = digest_of(txn)
    if not digest then
      return 401, "no_key", name .. " needs a key: send it as the header Authorization: Bearer KEY"
    end
    if not guard.digests[digest] then return 401, "wrong_key", "this is no key of " .. name .. ", or it was revoked" end
  end
  local now = core.now()
  if guard.per_s > 0 and not passes(guard, now.sec + now.usec / 1000000) then
    return 429, "too_many", name .. " takes " .. guard.per_s .. " requests a second, send fewer or later"
  end
  if guard.at_once > 0 and under_way(txn, endpoint) >= guard.at_once then
    return 429, "too_many", name .. " takes " .. guard.at_once .. " requests at once, send fewer or later"
  end
  if guard.body_bytes > 0 then
    local size = txn.f:req_body_size() or 0
    if size > guard.body_bytes then
      return 413, "too_large", name .. " takes " .. guard.body_bytes .. " bytes at once, send fewer rows"
    end
    if txn.f:req_fhdr("transfer-encoding", -1) and size >= routes.whole_bytes then
      return 411, "no_length", name .. " takes large bodies only with a content-length"
    end
  end
end

-- Where any endpoint needs a key, what tells of all of them (metrics, names) needs one too, of whichever endpoint.
function M.is_hidden(txn)
  local hidden, digest = false, nil
  for _, guard in pairs(routes.guards) do
    if guard.needs_key then
      hidden = true
      digest = digest or digest_of(txn)
      if digest and guard.digests[digest] then return false end
    end
  end
  return hidden
end

return M
