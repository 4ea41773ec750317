-- What the gateway knows: deployments in slots, endpoints with entries, what guards them; read from the text that state.py writes.
local M = {text = "|", mark = "none", slots = {}, endpoints = {}, guards = {}}

M.whole_bytes = 65536  -- what certainly lies in the buffer whole

local GOLDEN_RATIO = 0.6180339887498949

local function unquote(word)
  return (word:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

local function words_of(item)
  local words = {}
  for word in (item .. ","):gmatch("([^,]*),") do words[#words + 1] = unquote(word) end
  return words
end

-- Take a whole text at once; a text that cannot be read changes nothing. Places on the line are kept.
function M.load(text)
  local slots, endpoints, guards, last = {}, {}, {}, nil
  for item in text:gmatch("[^|\n]+") do
    local words = words_of(item)
    if words[1] == "slot" then
      local slot = {name = "s" .. words[2], deployment = words[3], draining = words[4] == "drain"}
      slot.addresses = table.move(words, 5, #words, 1, {})
      slots[slot.deployment] = slot
    elseif words[1] == "endpoint" then
      last = {name = words[2], generation = words[3], percent = tonumber(words[5]), entries = {}}
      last.shadow = words[4] ~= "" and slots[words[4]] or nil
      local known = M.endpoints[last.name]
      last.place = known and known.place or math.random()
      endpoints[last.name] = last
    elseif words[1] == "entry" then
      local entry = {slot = slots[words[2]], version = words[3], weight = tonumber(words[4])}
      last.entries[#last.entries + 1] = entry
    elseif words[1] == "guard" then
      local guard, known = {needs_key = words[3] == "key", digests = {}}, M.guards[words[2]]
      guard.per_s, guard.at_once, guard.body_bytes = tonumber(words[4]), tonumber(words[5]), tonumber(words[6])
      for index = 7, #words do guard.digests[words[index]] = true end
      if known and known.per_s == guard.per_s then guard.left, guard.seen = known.left, known.seen end
      guards[words[2]] = guard
    else
      error("unknown item " .. words[1])
    end
  end
  M.text, M.slots, M.endpoints, M.guards = text, slots, endpoints, guards
  M.mark = string.format("%08x", math.random(0, 0x7fffffff))  -- of this text in this process
end

function M.names()
  local names = {}
  for name in pairs(M.endpoints) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The next point of an endpoint's line: the golden ratio hits every weight closely even over few requests.
function M.next_place(endpoint)
  endpoint.place = (endpoint.place + GOLDEN_RATIO) % 1.0
  return endpoint.place
end

-- Slots in the order to try: the one on whose share `point` falls, then the others. `version` narrows to
-- deployments of that version, whatever their weight.
function M.order(endpoint, point, version)
  local picked, total = {}, 0
  for _, entry in ipairs(endpoint.entries) do
    local fits = entry.weight > 0
    if version then fits = entry.version == version end
    if fits and not entry.slot.draining then
      picked[#picked + 1] = entry
      total = total + entry.weight
    end
  end
  local place, chosen = point * total, #picked
  for index, entry in ipairs(picked) do
    place = place - entry.weight
    if place < 0 then chosen = index break end
  end
  local order = {}
  if picked[chosen] then order[1] = picked[chosen].slot end
  for index, entry in ipairs(picked) do
    if index ~= chosen then order[#order + 1] = entry.slot end
  end
  return order
end

-- Whether any of these slots has a server at all.
function M.has_address(order)
  for _, slot in ipairs(order) do
    if slot.addresses[1] then return true end
  end
  return false
end

return M
