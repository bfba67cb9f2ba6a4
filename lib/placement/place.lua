-- Places games: pending-corrected least utilised, decided and recorded in one atomic round trip.
--
-- Load as measured is late: a sample is a scrape old, and a rate over a window shows only a part of what started inside
-- it. So each instance is judged by its newest sample plus the games placed since, as long as they are not visible yet.
--
-- KEYS[1]   hash: what is known of the service, a JSON array per field (see below)
-- KEYS[2]   sorted set: fields of that hash by the time (s) after which they may go
-- KEYS[3..] the records, one per request
-- ARGV[1]   JSON: { rule, now?, newest, candidates, requests }, written by placement.ts
--   now        seconds; absent: this server's clock
--   newest     time of the newest sample in the metrics answer that the candidates come from, or false
--   candidates { id, record, cores, bytes, sample time or false, CPU cores in use, RAM bytes in use }
--   requests   { game_id, level ("low" or "high"), attempt, not_after (s, this server's clock) or false }
-- Returns JSON: { now, results }, a result per request:
--   { "placed", candidate number from 1 }, { "recorded", value, same attempt }, { "wrong_type" },
--   { "no_candidate" }, { "late" }
--
-- Fields of the hash: "fleet" (averages for the whole service), "i:<instance id>", "g:<game_id>" (a note on a game).
-- cjson turns null into a truthy value, so "none" is false everywhere.

local exp, max, min, floor = math.exp, math.max, math.min, math.floor
local STATE, EXPIRY, FIRST_RECORD = KEYS[1], KEYS[2], 3
local call = cjson.decode(ARGV[1])
local rule, candidates, requests = call.rule, call.candidates, call.requests

local MEMORY_S = 900          -- D: over this time the count of remembered sessions decays
local AVERAGE_S = 600         -- over this time load and sessions are averaged to learn what a game costs
local LEARN_EVERY_S = 15
local PRIOR_GAMES = 10        -- games' worth of belief in the configured cost
local CAUTION = 2             -- a game is charged twice what it seems to use: underestimating is what hurts
local OWN_GAMES = 3           -- the game itself counts three times: it may be a big one, and small instances tip over
local OTHER_WEIGHT = 0.25     -- weight of the resource that was not asked for ...
local OTHER_LIMIT, OTHER_PENALTY = 0.85, 4 -- ... and what it adds above 85 %
local RAM_VISIBLE_AT_ONCE = 0.3 -- share of a new game's RAM in the first sample after it
local RAM_LAG_S = 5           -- the rest of it shows over this time
local cpu_lag_s = max(5, 5 + (rule.cpu_window_s - rule.scrape_interval_s) / 2)
local STALE_SCRAPES = 3       -- a sample this many scrapes behind the newest is no longer believed ...
local STALE_FETCH_S = 5       -- ... nor one that a newer answer no longer has ...
local STALE_S = 600           -- ... nor one of this age by the clock
local SLOW_START_S = 60       -- an instance without samples is held back this long
local SESSION_CAUTION = 1.4   -- sessions of an instance without samples count for more
local KEEP_INSTANCE_S, KEEP_STATE_S = 3600, 86400
local SWEEP_MOST = 1000       -- fields that one call may remove: each costs the server time

-- State of an instance, by position.
local SAMPLED_AT, CPU, RAM = 1, 2, 3           -- its newest sample: time (s) or false, cores, bytes
local CPU_PENDING, RAM_PENDING, NEW = 4, 5, 6  -- games not yet fully visible in CPU, in RAM; placed since the sample
local SESSIONS, PLACED_AT = 7, 8               -- decayed count of games, and when it was last touched (s)
local SEEN_AT, DARK_SINCE = 9, 10              -- when first listed; since when without believable samples, or false
-- Averages of the service, by position.
local NEWEST, LEARNED_AT, CPU_USED, CPU_SESSIONS, RAM_USED, RAM_SESSIONS = 1, 2, 3, 4, 5, 6

-- 1. Read -------------------------------------------------------------------------------------------------------------

local now = call.now
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1e6
end

local record_keys = {}
for i = 1, #requests do record_keys[i] = KEYS[FIRST_RECORD - 1 + i] end
local records = redis.call('MGET', unpack(record_keys))

-- MGET says nil for a key of another type as well; such a key is not ours to overwrite.
local unrecorded, wrong_type = {}, {}
for i, key in ipairs(record_keys) do
  if not records[i] then unrecorded[#unrecorded + 1] = key end
end
if #unrecorded > 0 and redis.call('EXISTS', unpack(unrecorded)) > 0 then
  for _, key in ipairs(unrecorded) do wrong_type[key] = redis.call('EXISTS', key) == 1 end
end

-- A replay needs nothing of the fleet, and is answered when nothing of it is known.
local open = 0
for i, request in ipairs(requests) do
  local late = request[4] and now > request[4]
  if not records[i] and not wrong_type[record_keys[i]] and not late then open = open + 1 end
end
local placing = open > 0 and #candidates > 0

local fields = {}
for i, request in ipairs(requests) do fields[i] = 'g:' .. request[1] end
if placing then
  fields[#fields + 1] = 'fleet'
  for _, candidate in ipairs(candidates) do fields[#fields + 1] = 'i:' .. candidate[1] end
end
local stored = redis.call('HMGET', STATE, unpack(fields))

local function note_of(i)
  local note = stored[i] and cjson.decode(stored[i])
  return note and note[6] > now and note
end

-- 2. Fold in newer samples --------------------------------------------------------------------------------------------

local fleet, instances, changed = nil, {}, {}

local function read_fleet()
  local text = stored[#requests + 1]
  local first_call = not text
  fleet = text and cjson.decode(text) or { -1, false, 0, 0, 0, 0 }
  for i = 1, #candidates do
    local saved = stored[#requests + 1 + i]
    if saved then
      instances[i] = cjson.decode(saved)
    else
      instances[i] = { false, 0, 0, 0, 0, 0, 0, now, now, false }
      changed[i] = true
    end
  end
  return first_call
end

local function fold(i)
  local instance, candidate = instances[i], candidates[i]
  local taken = candidate[5]
  if not taken or (instance[SAMPLED_AT] and taken <= instance[SAMPLED_AT]) then return end
  local apart = instance[SAMPLED_AT] and taken - instance[SAMPLED_AT] or 0
  -- Pending games fade with the time between samples, not with the clock: frozen metrics never forget them. A game
  -- placed well before the sample (an idle time lay between) is partly visible in it already.
  local since = max(0, taken - instance[PLACED_AT] - rule.scrape_interval_s)
  local new = instance[NEW]
  instance[CPU_PENDING] = instance[CPU_PENDING] * exp(-apart / cpu_lag_s) + new * exp(-since / cpu_lag_s)
  instance[RAM_PENDING] = instance[RAM_PENDING] * exp(-apart / RAM_LAG_S)
    + (1 - RAM_VISIBLE_AT_ONCE) * new * exp(-since / RAM_LAG_S)
  instance[NEW] = 0
  instance[SAMPLED_AT], instance[CPU], instance[RAM] = taken, candidate[6], candidate[7]
  instance[DARK_SINCE] = false
  changed[i] = true
end

-- An instance without believable samples is dark: it is judged by what was placed on it, see below.
local dark, sampled = {}, 0

local function find_dark(first_call)
  for i, instance in ipairs(instances) do
    local at = instance[SAMPLED_AT]
    dark[i] = not at
      or fleet[NEWEST] - at > STALE_SCRAPES * rule.scrape_interval_s
      or (not candidates[i][5] and call.newest and call.newest > at + STALE_FETCH_S)
      or now - at > STALE_S
    if not dark[i] then
      sampled = sampled + 1
    elseif not instance[DARK_SINCE] then
      -- Without any state there is nothing to be new in: everybody has been there for a while.
      instance[DARK_SINCE] = first_call and now - SLOW_START_S or now
      changed[i] = true
    end
  end
end

local function sessions_now(instance)
  return instance[SESSIONS] * exp(-(now - instance[PLACED_AT]) / MEMORY_S)
end

-- 3. What a game costs ------------------------------------------------------------------------------------------------

local function learn()
  local learned_at = fleet[LEARNED_AT]
  if learned_at and now - learned_at < LEARN_EVERY_S then return false end
  local cpu, ram, cpu_sessions, ram_sessions = 0, 0, 0, 0
  for i, instance in ipairs(instances) do
    if not dark[i] then
      local sessions = sessions_now(instance) - instance[NEW]
      cpu, ram = cpu + instance[CPU], ram + instance[RAM]
      cpu_sessions = cpu_sessions + max(0, sessions - instance[CPU_PENDING])
      ram_sessions = ram_sessions + max(0, sessions - instance[RAM_PENDING])
    end
  end
  local keep = exp(-(learned_at and now - learned_at or LEARN_EVERY_S) / AVERAGE_S)
  local function average(position, value) fleet[position] = fleet[position] * keep + value * (1 - keep) end
  average(CPU_USED, cpu)
  average(CPU_SESSIONS, cpu_sessions)
  average(RAM_USED, ram)
  average(RAM_SESSIONS, ram_sessions)
  fleet[LEARNED_AT] = now
  return true
end

local function cost(configured, used, sessions)
  -- With fewer games of ours than instances the load is not ours, and would make each game look like all of it.
  if sessions < sampled then return configured end
  local learned = (CAUTION * used + PRIOR_GAMES * configured) / (sessions + PRIOR_GAMES)
  return min(10 * configured, max(configured, learned))
end

-- 4. and 5. The score: expected utilisation with the game, least is best ----------------------------------------------

local cpu_cost, ram_cost -- cores and bytes that one game is expected to use

local function weigh(level, cpu, ram)
  local wanted, other = cpu, ram
  if level == 'high' then wanted, other = ram, cpu end
  return wanted, other
end

local function sampled_score(i, level)
  local instance, candidate = instances[i], candidates[i]
  local cpu = (instance[CPU] + cpu_cost * (instance[CPU_PENDING] + instance[NEW] + OWN_GAMES)) / candidate[3]
  local ram = (instance[RAM] + ram_cost * (instance[RAM_PENDING] + instance[NEW] + OWN_GAMES)) / candidate[4]
  local wanted, other = weigh(level, cpu, ram)
  return wanted + OTHER_WEIGHT * other + OTHER_PENALTY * max(0, other - OTHER_LIMIT)
end

-- By remembered sessions: those of the last MEMORY_S, thinned by how long games seem to live.
local function remembered_score(i, level)
  local instance, candidate = instances[i], candidates[i]
  local function mean_life(configured, used, sessions, game_cost)
    return MEMORY_S * (used + 5 * configured) / (sessions + 10) / game_cost
  end
  local life = max(30,
    mean_life(rule.cpu_cost, fleet[CPU_USED], fleet[CPU_SESSIONS], cpu_cost),
    mean_life(rule.ram_cost, fleet[RAM_USED], fleet[RAM_SESSIONS], ram_cost))
  local listed = max(1, now - instance[SEEN_AT])
  local alive = min(1, life * (1 - exp(-listed / life)) / (MEMORY_S * (1 - exp(-listed / MEMORY_S))))
  local games = SESSION_CAUTION * sessions_now(instance) * alive + OWN_GAMES
  local wanted, other = weigh(level, games * cpu_cost / candidate[3], games * ram_cost / candidate[4])
  return wanted + OTHER_WEIGHT * other
end

local function dark_score(i, level, median, high)
  local instance = instances[i]
  local dark_for = now - instance[DARK_SINCE]
  if not instance[SAMPLED_AT] then
    return max(remembered_score(i, level), median * max(0, 1 - dark_for / SLOW_START_S))
  elseif dark_for <= STALE_S then
    return max(sampled_score(i, level), dark_for < SLOW_START_S and high or 0)
  end
  return max(remembered_score(i, level), sampled_score(i, level) * exp(-(dark_for - STALE_S) / MEMORY_S))
end

-- 6. Choose -----------------------------------------------------------------------------------------------------------

local scores = { low = {}, high = {} } -- of the sampled instances; kept until one of them gets a game

local function quantiles(known)
  local sorted = {}
  for i = 1, #instances do
    if known[i] then sorted[#sorted + 1] = known[i] end
  end
  table.sort(sorted)
  local m = #sorted
  if m == 0 then return 0, 0 end
  return sorted[floor(m / 2) + 1], sorted[min(m - 1, floor(0.9 * m)) + 1]
end

local function choose(level)
  local known = scores[level]
  for i = 1, #instances do
    if not dark[i] and not known[i] then known[i] = sampled_score(i, level) end
  end
  local median, high
  if sampled < #instances then median, high = quantiles(known) end
  local best, best_score
  for i = 1, #instances do
    local score = known[i] or dark_score(i, level, median, high)
    if not best or score < best_score then best, best_score = i, score end
  end
  return best
end

local function take(i)
  local instance = instances[i]
  instance[NEW] = instance[NEW] + 1
  instance[SESSIONS], instance[PLACED_AT] = sessions_now(instance) + 1, now
  scores.low[i], scores.high[i] = nil, nil
  changed[i] = true
end

local learned = false
if placing then
  local first_call = read_fleet()
  for i = 1, #candidates do fold(i) end
  for _, instance in ipairs(instances) do fleet[NEWEST] = max(fleet[NEWEST], instance[SAMPLED_AT] or -1) end
  fleet[NEWEST] = max(fleet[NEWEST], call.newest or -1)
  find_dark(first_call)
  learned = learn()
  cpu_cost = cost(rule.cpu_cost, fleet[CPU_USED], fleet[CPU_SESSIONS])
  ram_cost = cost(rule.ram_cost, fleet[RAM_USED], fleet[RAM_SESSIONS])
end

local results, notes, placed = {}, {}, {}

local function decide(i, request)
  local key = record_keys[i]
  if wrong_type[key] then return { 'wrong_type' } end
  if records[i] then
    local note = note_of(i)
    return { 'recorded', records[i], note and note[3] == request[3] or false }
  end
  if placed[key] then
    return { 'recorded', candidates[placed[key].candidate][2], placed[key].attempt == request[3] }
  end
  if request[4] and now > request[4] then return { 'late' } end
  if #candidates == 0 then return { 'no_candidate' } end
  local best = choose(request[2])
  take(best)
  placed[key] = { candidate = best, attempt = request[3] }
  notes[#notes + 1] = { request[1], { candidates[best][1], now, request[3], false, false, now + rule.record_ttl_s } }
  return { 'placed', best }
end

for i, request in ipairs(requests) do results[i] = decide(i, request) end

-- 7. Write, all at the end: an error before here has changed nothing --------------------------------------------------

local function sweep()
  local old = redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'LIMIT', 0, SWEEP_MOST)
  if #old == 0 then return end
  redis.call('HDEL', STATE, unpack(old))
  redis.call('ZREM', EXPIRY, unpack(old))
end

if placing then
  if learned then sweep() end
  for key, game in pairs(placed) do
    redis.call('SET', key, candidates[game.candidate][2], 'EX', rule.record_ttl_s)
  end
  local values, expiries = { 'fleet', cjson.encode(fleet) }, {}
  local function put(field, value) values[#values + 1], values[#values + 2] = field, cjson.encode(value) end
  local function keep(field, till) expiries[#expiries + 1], expiries[#expiries + 2] = till, field end
  for i, candidate in ipairs(candidates) do
    local field = 'i:' .. candidate[1]
    if changed[i] then put(field, instances[i]) end
    -- An instance that is listed is remembered, also one that nothing happens to.
    if changed[i] or learned then keep(field, now + KEEP_INSTANCE_S) end
  end
  for _, note in ipairs(notes) do
    local field = 'g:' .. note[1]
    put(field, note[2])
    keep(field, note[2][6])
  end
  redis.call('HSET', STATE, unpack(values))
  redis.call('ZADD', EXPIRY, unpack(expiries))
  if learned then
    redis.call('EXPIRE', STATE, KEEP_STATE_S)
    redis.call('EXPIRE', EXPIRY, KEEP_STATE_S)
  end
end

return cjson.encode({ now = now, results = results })
