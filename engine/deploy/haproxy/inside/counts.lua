-- What passed through, by deployment. A counter belongs to this process: it starts at zero with it.
local M = {by_deployment = {}, unanswered = {}, copies = {sent = 0, dropped = 0, failed = 0}}

local BOUNDS = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000}

function M.add(deployment, status, ms)
  local one = M.by_deployment[deployment]
  if not one then
    one = {requests = 0, errors = 0, total_ms = 0.0, latency = {}}
    for index = 1, #BOUNDS + 1 do one.latency[index] = 0 end
    M.by_deployment[deployment] = one
  end
  one.requests = one.requests + 1
  if status >= 500 then one.errors = one.errors + 1 end
  one.total_ms = one.total_ms + ms
  local index = 1
  while index <= #BOUNDS and ms > BOUNDS[index] do index = index + 1 end
  one.latency[index] = one.latency[index] + 1
end

function M.add_unanswered(endpoint)
  M.unanswered[endpoint] = (M.unanswered[endpoint] or 0) + 1
end

-- Drop what was counted for deployments and endpoints that are gone.
function M.keep(slots, endpoints)
  for deployment in pairs(M.by_deployment) do
    if not slots[deployment] then M.by_deployment[deployment] = nil end
  end
  for endpoint in pairs(M.unanswered) do
    if not endpoints[endpoint] then M.unanswered[endpoint] = nil end
  end
end

-- One line per deployment: id, requests, errors, and the count of every bucket.
function M.text()
  local lines = {}
  for deployment, one in pairs(M.by_deployment) do
    lines[#lines + 1] = string.format("%s %d %d %s", deployment, one.requests, one.errors, table.concat(one.latency, " "))
  end
  return table.concat(lines, "\n") .. "\n"
end

local function label(value)
  return (value:gsub('[\\"]', "\\%0"):gsub("\n", "\\n"))
end

-- Prometheus text, the same names as the process host's router gives. `in_flight` tells a slot's requests under way.
function M.exposition(slots, in_flight)
  local lines = {}
  local function say(form, ...) lines[#lines + 1] = string.format(form, ...) end
  for _, name in ipairs({"requests", "errors"}) do
    say("# TYPE modeldeck_router_%s_total counter", name)
    for deployment, one in pairs(M.by_deployment) do
      say('modeldeck_router_%s_total{deployment="%s"} %d', name, label(deployment), one[name])
    end
  end
  say("# TYPE modeldeck_router_in_flight gauge")
  for deployment, slot in pairs(slots) do
    say('modeldeck_router_in_flight{deployment="%s"} %d', label(deployment), in_flight(slot))
  end
  say("# TYPE modeldeck_router_unanswered_total counter")
  for endpoint, count in pairs(M.unanswered) do
    say('modeldeck_router_unanswered_total{endpoint="%s"} %d', label(endpoint), count)
  end
  say("# TYPE modeldeck_router_copies_total counter")
  for outcome, count in pairs(M.copies) do say('modeldeck_router_copies_total{outcome="%s"} %d', outcome, count) end
  say("# TYPE modeldeck_router_seconds histogram")
  for deployment, one in pairs(M.by_deployment) do
    local name, seen = label(deployment), 0
    for index, count in ipairs(one.latency) do
      seen = seen + count
      local bound = BOUNDS[index] and tostring(BOUNDS[index] / 1000) or "+Inf"
      say('modeldeck_router_seconds_bucket{deployment="%s",le="%s"} %d', name, bound, seen)
    end
    say('modeldeck_router_seconds_sum{deployment="%s"} %.6f', name, one.total_ms / 1000)
    say('modeldeck_router_seconds_count{deployment="%s"} %d', name, seen)
  end
  return table.concat(lines, "\n") .. "\n"
end

return M
