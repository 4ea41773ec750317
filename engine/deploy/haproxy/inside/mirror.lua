-- Shadow: a copy of a request goes to another deployment and its answer is dropped. The client never waits for it.
local counts = require("counts")

local M = {}

local AT_ONCE = 16      -- copies under way; more are dropped and counted, so that a hung shadow costs nobody anything
local TIMEOUT_MS = 5000
local NOT_COPIED = {
  ["authorization"] = true, ["connection"] = true, ["keep-alive"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true,
  ["upgrade"] = true, ["content-length"] = true, ["host"] = true, ["expect"] = true, ["x-request-id"] = true,
  ["x-modeldeck-request-id"] = true, ["x-modeldeck-kind"] = true, ["x-modeldeck-route"] = true,
}
local under_way, turn = 0, 0

-- Send a copy to the next replica of `slot`.
function M.copy(txn, slot, path, id)
  local body = txn.f:req_body()
  local whole = txn.f:req_body_size()
  if under_way >= AT_ONCE or (whole and body and whole > #body) then
    counts.copies.dropped = counts.copies.dropped + 1
    return
  end
  local headers = {["x-modeldeck-request-id"] = {id}, ["x-modeldeck-kind"] = {"shadow"}}
  for name, values in pairs(txn.http:req_get_headers()) do
    if not NOT_COPIED[name] then
      headers[name] = {}
      for _, value in pairs(values) do table.insert(headers[name], value) end
    end
  end
  -- said by us: without it the client sends chunks, which one server in a hundred answered before they had arrived
  headers["content-length"] = {tostring(body and #body or 0)}
  turn = turn % #slot.addresses + 1
  local url = "http://" .. slot.addresses[turn] .. path
  under_way = under_way + 1
  core.register_task(function()
    local ok, answer = pcall(function()
      return core.httpclient():post({url = url, body = body or "", headers = headers, timeout = TIMEOUT_MS})
    end)
    under_way = under_way - 1
    local outcome = ok and answer and answer.status and answer.status < 500 and "sent" or "failed"
    counts.copies[outcome] = counts.copies[outcome] + 1
  end)
end

return M
