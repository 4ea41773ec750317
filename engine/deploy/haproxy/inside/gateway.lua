-- The gateway's data path: which deployment a request goes to, its id, its copy, and what the gateway answers itself.
local here = debug.getinfo(1, "S").source:match("@?(.*)/")
package.path = here .. "/?.lua;" .. package.path
local routes = require("routes")
local counts = require("counts")
local guard = require("guard")
local mirror = require("mirror")

local NEEDS_KEY = "endpoints here need keys: send one as the header Authorization: Bearer KEY"
local WAIT_MS = 2000        -- how long a request waits for a server to come (back)
local LOOK_MS = 20
local FRESH_MS = 10
local DROPPED_BODY = 268435456  -- up to here a body is read and dropped before it is refused, so that its sender sees why
local PIECE = 16384

local function now_ms()
  local now = core.now()
  return now.sec * 1000 + now.usec // 1000
end

-- A UUIDv7 as 32 hex digits, as engine/serving/request_ids.py makes them; its time names the day of a prediction.
local function new_request_id(txn)
  local now, random = core.now(), txn.f:uuid()
  local ms, fraction = now.sec * 1000 + now.usec // 1000, now.usec % 1000 * 4096 // 1000
  return string.format("%012x7%03x", ms, fraction) .. random:sub(20, 23) .. random:sub(25, 36)
end

-- The point in [0, 1) on which a key always falls: the same one on every host, whichever router it has.
local function point_of(txn, key)
  local digest = txn.c:sha2(key, 256)
  return (string.unpack(">I8", digest) >> 11) / 9007199254740992.0
end

local function json(text)
  return '"' .. text:gsub('[%c"\\\127-\255]', function(char) return string.format("\\u%04x", char:byte()) end) .. '"'
end

local function reply(txn, status, body, kind)
  txn:set_var("txn.reply", body)
  txn:set_var("txn.status", status)
  txn:set_var("txn.kind", kind or "application/json")
end

-- An error's body in the form of the protocol that was asked in.
local function error_body(is_v2, code, message)
  if is_v2 then return '{"error": ' .. json(message) .. "}" end
  return '{"error": {"code": ' .. json(code) .. ', "message": ' .. json(message) .. "}}"
end

local function refuse(txn, status, code, message)
  reply(txn, status, error_body(txn.f:path():sub(1, 3) == "/v2", code, message))
end

-- Whether a slot has a server. Asking costs a table of a hundred fields, so an answer holds for FRESH_MS; one that is
-- out of date costs a request a second way round, never its answer.
local function is_up(slot)
  local now = now_ms()
  if not slot.looked_at or now - slot.looked_at >= FRESH_MS or now < slot.looked_at then
    slot.looked_at = now
    slot.is_up = core.backends[slot.name]:get_stats().act > 0
  end
  return slot.is_up
end

-- Send the request to the first deployment of its order that has a server, waiting for one where none has.
local function send(txn, name, version, point, deadline)
  while true do
    local endpoint = routes.endpoints[name]  -- looked up again: a route applied meanwhile counts at once
    local order = endpoint and routes.order(endpoint, point, version) or {}
    if version and #order == 0 then
      return refuse(txn, 404, "unknown_version", name .. " does not serve version " .. version .. " here")
    end
    if version and not routes.has_address(order) then
      return refuse(txn, 409, "not_running", "no server of " .. name .. " version " .. version .. " runs here now")
    end
    for _, slot in ipairs(order) do
      if is_up(slot) then
        txn:set_var("txn.slot", slot.name)
        txn:set_priv({deployment = slot.deployment, endpoint = name, begun = core.now()})
        return
      end
    end
    if now_ms() >= deadline then
      counts.add_unanswered(name)
      local why = #order == 0 and "no server has joined" or "none of its servers answers"
      return refuse(txn, 503, "no_server", "nothing serves " .. name .. " right now: " .. why)
    end
    core.msleep(LOOK_MS)
  end
end

local HELP = "an endpoint's path is /<model>/predict or /v2/models/<model>/infer"

local function has_server(name)
  for _, slot in ipairs(routes.order(routes.endpoints[name], 0.0, nil)) do
    if is_up(slot) then return true end
  end
  return false
end

-- What is asked of the gateway itself.
local function own(txn, path, method)
  if method ~= "GET" and method ~= "HEAD" then return refuse(txn, 404, "not_found", HELP) end
  if path == "/health/live" or path == "/v2/health/live" then return reply(txn, 200, '{"live": true}') end
  if path ~= "/health/ready" and path ~= "/v2/health/ready" and guard.is_hidden(txn) then
    return refuse(txn, 401, "no_key", NEEDS_KEY)
  end
  if path == "/metrics" then
    local text = counts.exposition(routes.slots, function(slot) return txn.f:be_conn(slot.name) end)
    return reply(txn, 200, text, "text/plain; version=0.0.4; charset=utf-8")
  end
  if path == "/health/ready" or path == "/v2/health/ready" then
    local served, ready = 0, true
    for name, endpoint in pairs(routes.endpoints) do
      if #endpoint.entries > 0 then
        served = served + 1
        ready = ready and has_server(name)
      end
    end
    ready = ready and served > 0
    return reply(txn, ready and 200 or 503, '{"ready": ' .. tostring(ready) .. "}")
  end
  if path == "/v2" or path == "/v2/" then
    return reply(txn, 200, '{"name": "modeldeck", "version": "1", "extensions": []}')
  end
  if path == "/" then
    local names = {}
    for index, name in ipairs(routes.names()) do names[index] = json(name) end
    return reply(txn, 200, '{"endpoints": [' .. table.concat(names, ", ") .. "]}")
  end
  refuse(txn, 404, "not_found", HELP)
end

-- Return endpoint, path to forward and version asked for; endpoint nil is the gateway's own path.
local function parse(path)
  local name, rest = path:match("^/v2/models/([^/]+)(.*)$")
  if name then
    return name, path, rest:match("^/versions/([^/]*)")
  end
  name, rest = path:match("^/([^/]+)(/.*)$")
  if name and name ~= "v2" and name ~= "health" then return name, rest, nil end
  return nil, path, nil
end

core.register_action("route", {"http-req"}, function(txn)
  local path, method = txn.f:path(), txn.f:method()
  local name, rest, version = parse(path)
  if not name then return own(txn, path, method) end
  local endpoint = routes.endpoints[name]
  if not endpoint then
    local names = guard.is_hidden(txn) and {} or routes.names()
    local told = #names > 0 and "; endpoints: " .. table.concat(names, ", ") or ""
    return refuse(txn, 404, "unknown_endpoint", "no endpoint '" .. name .. "' here" .. told)
  end
  local status, code, message = guard.refusal(txn, name, endpoint)
  if status then return refuse(txn, status, code, message) end
  -- Whoever names the version is no part of the traffic that versions are compared by.
  local named = txn.f:req_fhdr("x-modeldeck-version", 1)
  if named then
    version = named:match("^%s*(%S+)%s*$") or "-"
    txn:set_var("txn.named", true)
    txn.http:req_del_header("x-modeldeck-version")
  end
  local id = new_request_id(txn)
  local key = txn.f:req_fhdr("x-modeldeck-key", 1)
  local place = endpoint.place
  local point = key and point_of(txn, key) or routes.next_place(endpoint)
  local deadline = now_ms() + WAIT_MS
  txn:set_var("txn.id", id)
  txn:set_var("txn.endpoint", name)
  -- should every server of the chosen deployment fail, the request comes back with this and is sent elsewhere
  local route = string.format("%s %s %.17g %d 0", name, version or "-", point, deadline)
  txn.http:req_set_header("x-modeldeck-route", route)
  local shadow = endpoint.shadow
  if shadow and not named and method == "POST" and place * 100 < endpoint.percent and shadow.addresses[1] then
    mirror.copy(txn, shadow, rest, id)
  end
  if path:sub(1, 3) == "/v2" then
    txn:set_var("txn.v2", true)
  else
    txn.http:req_set_path(rest)
  end
  send(txn, name, version, point, deadline)
end, 0)

-- A request whose servers failed, once more: the route it was given travels in a header that only we write.
core.register_action("route_again", {"http-req"}, function(txn)
  local route = txn.f:req_fhdr("x-modeldeck-route") or ""
  local name, version, point, deadline, times = route:match("^(%S+) (%S+) (%S+) (%d+) (%d+)$")
  if not name then return refuse(txn, 400, "bad_request", "this socket is the gateway's own") end
  if version == "-" then version = nil end
  times = tonumber(times) + 1
  if times > 1 then core.msleep(LOOK_MS) end
  txn:set_var("txn.endpoint", name)
  local again = string.format("%s %s %s %s %d", name, version or "-", point, deadline, times)
  txn.http:req_set_header("x-modeldeck-route", again)
  send(txn, name, version, tonumber(point), tonumber(deadline))
end, 0)

core.register_action("count", {"http-res"}, function(txn)
  local given = txn:get_priv()
  if not given or txn.f:srv_name() == "again" then return end
  local now, begun = core.now(), given.begun
  counts.add(given.deployment, txn.f:status(), (now.sec - begun.sec) * 1000 + (now.usec - begun.usec) / 1000)
end, 0)

core.register_service("reply", "http", function(applet)
  local dropped = 0
  while dropped < DROPPED_BODY do
    local piece = applet:receive(PIECE)
    if not piece or #piece == 0 then break end
    dropped = dropped + #piece
  end
  local body, status = applet:get_var("txn.reply") or "", applet:get_var("txn.status") or 500
  applet:set_status(status)
  applet:add_header("content-type", applet:get_var("txn.kind") or "application/json")
  applet:add_header("content-length", tostring(#body))
  local id = applet:get_var("txn.id")
  if id then applet:add_header("x-modeldeck-request-id", id) end
  if status == 401 then applet:add_header("www-authenticate", "Bearer") end
  if status == 503 or status == 429 then applet:add_header("retry-after", "1") end
  applet:start_response()
  if applet.method ~= "HEAD" then applet:send(body) end
end)

core.register_action("admit", {"http-req"}, function(txn)
  if guard.is_hidden(txn) then
    refuse(txn, 401, "no_key", NEEDS_KEY)
  end
end, 0)

core.register_action("refuse", {"http-req"}, function(txn, status, code, message)
  refuse(txn, tonumber(status), code, message)
end, 3)

-- The body of an answer that HAProxy itself gives, once nothing else is left to try.
core.register_fetches("told", function(txn, code, why)
  local name = txn:get_var("txn.endpoint")
  if not name then return error_body(false, code, why) end
  counts.add_unanswered(name)
  return error_body(txn:get_var("txn.v2"), code, "nothing serves " .. name .. " right now: " .. why)
end)

local function serve(words, usage, answer)
  core.register_cli(words, usage, function(applet, ...)
    local ok, told = pcall(answer, select(#words + 1, ...))
    applet:send((ok and told or "failed: " .. tostring(told)) .. "\n")
  end)
end

serve({"modeldeck", "routes"}, "modeldeck routes: the routes as they are, after their mark", function()
  return routes.mark .. " " .. routes.text
end)
serve({"modeldeck", "load"}, "modeldeck load MARK TEXT: take these routes where those of MARK (-: any) stand", function(mark, text)
  if mark ~= "-" and mark ~= routes.mark then return "changed" end
  routes.load(text)
  counts.keep(routes.slots, routes.endpoints)
  return "loaded " .. routes.mark
end)
serve({"modeldeck", "counts"}, "modeldeck counts: what passed, by deployment", counts.text)

math.randomseed(os.time(), string.unpack("i4", io.open("/dev/urandom", "rb"):read(4)))
local kept = io.open(here .. "/../routes", "r")  -- one for all instances
if kept then
  routes.load(kept:read("a"))
  kept:close()
end
