-- Places games: pending-corrected least utilised, decided and recorded in one atomic round trip.
--
-- Load as measured is late: a sample is a scrape old, and a rate over a window shows only a part of what started inside
-- it. So each instance is judged by its newest sample plus the games placed since, as long as they are not visible yet.
--
-- KEYS[1]   hash: what is known of the service, a JSON array per field (see below)
-- KEYS[2]   sorted set: what of that hash may go, by the time (s) after which it may
-- KEYS[3..] the records, one per request that names a game, in the requests' order
-- ARGV[1]   JSON: { rule, now?, newest, candidates, requests, tiers, view, explain?, dry_run?, as_of? }, by script-call.ts
--   now        seconds; absent: this server's clock
--   newest     time of the newest sample in the metrics answer that the candidates come from, or false
--   candidates { id, record, cores, bytes, sample time or false, CPU cores in use, RAM bytes in use, most games or false }
--   requests   { op = "assign", game, level ("low" or "high"), attempt, not_after? (s, this server's clock),
--                expected? = { cores or false, bytes or false, exact }, strategy? ("spread" or "pack"),
--                tiers? (number from 1 in `tiers`; absent: all candidates), tell? (its number: the answer says how it was
--                decided) }
--              { op = "lookup", "renew" or "release", game, not_after? }
--              { op = "choose", level, not_after? }: an instance for what is no game: it holds no place and has no record
--   tiers      { { candidate numbers }, ... }, each: who may have a game, in groups in order of preference
--   view       { at (s, this server's clock), gone = { ids }, back = { ids } } or false
--   explain    adds figures of every candidate, as the last request met them; dry_run: nothing is written
--   as_of      what a decision that is made again saw of all of its candidates, as `decisions` told it
-- Returns JSON: { now, results, marked?, explained?, cost? (cores and bytes that a game's worth uses), decisions?, states? },
-- a result per request:
--   { "placed", candidate number from 1, reassigned }, { "recorded", value, same attempt, reassigned },
--   { "chosen", candidate number }, { "found", value, ms that it has left or false }, { "not_found" }, { "released" },
--   { "unknown" } (there is nothing to release), { "kept", value } (a record that is not of a game of ours),
--   { "wrong_type" }, { "no_candidate" }, { "no_capacity" }, { "too_many_games" }, { "late" }
-- and of each request that was to be told, and for which an instance was sought, a decision: see `tell`.
--
-- Fields of the hash: "fleet" (averages for the whole service), "gone" (since when instances are reported gone),
-- "i:<instance id>", "g:<game_id>" (a note on a game of ours, which is also its lease: it holds a place on its instance
-- until it expires). Members of the sorted set: "i:<instance id>", "g:<game_id> <instance id>" for a note that holds a
-- place, "g:<game_id>" for one that does not. Neither kind of id has white space in it.
-- cjson turns null into a truthy value, so "none" is false everywhere.

local exp, max, min, floor = math.exp, math.max, math.min, math.floor
local STATE, EXPIRY, FIRST_RECORD = KEYS[1], KEYS[2], 3
local call = cjson.decode(ARGV[1])
local rule, candidates, requests, view = call.rule, call.candidates, call.requests, call.view

local MEMORY_S = 900          -- D: over this time the count of remembered sessions decays
local AVERAGE_S = 600         -- over this time load and sessions are averaged to learn what a game costs
local LEARN_EVERY_S = 15
local PRIOR_GAMES = 10        -- games' worth of belief in the configured cost
local CAUTION = 2             -- a game is charged twice what it seems to use: underestimating is what hurts
local OWN_GAMES = 3           -- the game itself counts three times: it may be a big one, and small instances tip over
local OTHER_WEIGHT = 0.25     -- weight of the resource that was not asked for ...
local OTHER_LIMIT = 0.85      -- ... and above this share it adds more: CPU that runs short is shared among all, ...
local OTHER_PENALTY = { 2, 4 } -- ... RAM that runs out kills. By resource: CPU, RAM
local USED_UP = 0.95          -- from this share on CPU is used up: measured, all of it hardly ever shows
local VISIBLE_AT_ONCE = { 0, 0.3 } -- share of a new game's CPU, RAM in the first sample after it
-- The rest shows over this time. CPU: what is scraped is 5 s old on average and a game takes as long to get going, and a
-- rate shows half of what started in the middle of its window.
local LAG_S = { max(5, 7.5 + (rule.cpu_window_s - rule.scrape_interval_s) / 2), 5 }
local STALE_SCRAPES = 3       -- a sample this many scrapes behind the newest is no longer believed ...
local STALE_FETCH_S = 5       -- ... nor one that a newer answer no longer has ...
local STALE_S = 600           -- ... nor one of this age by the clock
local SLOW_START_S = 60       -- an instance without samples is held back this long
local SESSION_CAUTION = 1.4   -- sessions of an instance without samples count for more
local RELEASED_S = 2          -- a late retry of the attempt that placed a released game is known for this long
local KEEP_INSTANCE_S, KEEP_STATE_S = 3600, 86400
local MOST_MARKS = 1000       -- instances reported gone that are remembered
local SWEEP_EVERY_S = 5
local SWEEP_MOST = 128        -- fields that one call may remove, twice what it can add: all others wait for it
local CHUNK = 6000            -- arguments of one command: Lua's stack holds some 8,000
local BUCKET_S, BUCKETS = 30, 10 -- games placed are counted for each so many seconds, so many of them
local MOST_TOLD = 32          -- candidates of a decision that are told

-- The two resources, and the words for them in a request's level.
local CPU, RAM = 1, 2
local WANTED = { low = CPU, high = RAM }

-- State of an instance, by position. Pairs are CPU, RAM.
local SAMPLED_AT, USED = 1, { 2, 3 }         -- its newest sample: time (s) or false; cores, bytes in use
local PENDING, NEW = { 4, 5 }, { 6, 7 }      -- games' worth not yet fully visible in it; placed since it
local SESSIONS, PLACED_AT = { 8, 9 }, 10     -- decayed count of games' worth, and when it was last touched (s)
local SEEN_AT, DARK_SINCE = 11, 12           -- when first listed; since when without believable samples, or false
local GAMES = 13                             -- notes that hold a place on it
local ENDED = { 14, 15 }                     -- what releases have taken off the sessions, decayed like them
local RECENT = 16                            -- nil, or text: games placed on it of late, see `count_recent`
-- Averages of the service, by position.
local NEWEST, LEARNED_AT, AVERAGE_USED, AVERAGE_SESSIONS = 1, 2, { 3, 4 }, { 5, 6 }
local COUNTED_TO, SWEPT_TO = 7, 8            -- leases that expired until then are off the counts; are removed
local ALL_GAMES = 9                          -- notes that hold a place, on whatever instance
-- A candidate and a note, by position.
local ID, RECORD, CAPACITY, TAKEN_AT, IN_USE, MOST_GAMES = 1, 2, { 3, 4 }, 5, { 6, 7 }, 8
local INSTANCE, PLACED, ATTEMPT, WORTH, EXPIRES, LEVEL, MARK = 1, 2, 3, { 4, 5 }, 6, 7, 8 -- MARK: false, "reassigned", "released"

-- 1. Read -------------------------------------------------------------------------------------------------------------

-- Milliseconds: cjson keeps 14 digits, and a time with more of them would come back as another one.
local now = call.now
if not now then
  local time = redis.call('TIME')
  now = time[1] + time[2] / 1e6
end
now = floor(now * 1000) / 1000

-- A time far ahead is a broken clock, and would make every other sample look old.
local function believable(time) return time and time <= now + STALE_S and time end
call.newest = believable(call.newest)
local limited = false -- whether any of them has only so many places
for _, candidate in ipairs(candidates) do
  candidate[TAKEN_AT] = believable(candidate[TAKEN_AT])
  limited = limited or candidate[MOST_GAMES]
end

local function in_chunks(command, key, arguments)
  for from = 1, #arguments, CHUNK do
    redis.call(command, key, unpack(arguments, from, min(#arguments, from + CHUNK - 1)))
  end
end

-- Each game once, however many requests of the call name it; a decision changes it, and the next request finds it so.
local games, game_list, game_of, next_record = {}, {}, {}, FIRST_RECORD
for i, request in ipairs(requests) do
  if request.game then
    local game = games[request.game]
    if not game then
      game = { id = request.game, key = KEYS[next_record] }
      games[request.game] = game
      game_list[#game_list + 1] = game
    end
    next_record = next_record + 1
    game.releases = game.releases or request.op == 'release'
    game_of[i] = game
  end
end

local function read_records()
  local keys, unrecorded = {}, {}
  for i, game in ipairs(game_list) do keys[i] = game.key end
  local values = redis.call('MGET', unpack(keys))
  for i, game in ipairs(game_list) do
    game.record = values[i]
    game.recorded = values[i]
    if not values[i] then unrecorded[#unrecorded + 1] = game.key end
  end
  -- MGET says nil for a key of another type as well; such a key is not ours to overwrite.
  if #unrecorded > 0 and redis.call('EXISTS', unpack(unrecorded)) > 0 then
    for _, game in ipairs(game_list) do
      game.wrong_type = not game.record and redis.call('EXISTS', game.key) == 1
    end
  end
end
if #game_list > 0 then read_records() end

local function is_late(request) return request.not_after and now > request.not_after end

-- The instance that a record's text names; nil where it is no JSON string.
local function named_by(record)
  local ok, value = pcall(cjson.decode, '[' .. record .. ']')
  return ok and #value == 1 and type(value[1]) == 'string' and value[1] or nil
end

local gone = {}
for _, id in ipairs(view and view.gone or {}) do gone[id] = true end

-- A replay needs nothing of the fleet, and is answered when nothing of it is known.
local function may_place(game, request)
  if is_late(request) then return false end
  if request.op ~= 'assign' then return request.op == 'choose' end
  if game.wrong_type then return false end
  return not game.record or view and rule.grace_s > 0 and gone[named_by(game.record) or false] or false
end

local placing = call.explain or false
for i, request in ipairs(requests) do
  local game = game_of[i]
  -- A game that the call releases may be placed anew by a later request of the same call.
  placing = placing or may_place(game, request) or (request.op == 'assign' and game.releases or false)
end
placing = placing and #candidates > 0

local fields = { 'fleet', 'gone' }
for _, game in ipairs(game_list) do fields[#fields + 1] = 'g:' .. game.id end
local FIRST_INSTANCE = #fields
if placing then
  for _, candidate in ipairs(candidates) do fields[#fields + 1] = 'i:' .. candidate[ID] end
end
local stored = redis.call('HMGET', STATE, unpack(fields))

local fleet = stored[1] and cjson.decode(stored[1]) or { -1, false, 0, 0, 0, 0, 0, 0, 0 }
local marks = stored[2] and cjson.decode(stored[2]) or {} -- instance id to the time (s) since which it is reported gone
for i, game in ipairs(game_list) do
  local note = stored[2 + i] and cjson.decode(stored[2 + i])
  if note and note[EXPIRES] > now then game.note = note else game.expired = note end
end

local fleet_changed = false
local function add_games(number)
  fleet[ALL_GAMES], fleet_changed = max(0, fleet[ALL_GAMES] + number), true
end

local ids, instances, position, changed = {}, {}, {}, {}
local unseen = {} -- candidates that nothing is stored of, and that no request has looked at yet

local function add_instance(id, text, listed)
  local i = #ids + 1
  if text then
    instances[i] = cjson.decode(text)
  elseif listed then
    instances[i] = { false, 0, 0, 0, 0, 0, 0, 0, 0, now, now, false, 0, 0, 0 }
    unseen[i] = true
  else
    return
  end
  ids[i], position[id] = id, i
end

if placing then
  for i, candidate in ipairs(candidates) do add_instance(candidate[ID], stored[FIRST_INSTANCE + i], true) end
end

-- Instances that are no candidates, but hold a place that may be given back.
local function load_others(wanted)
  local missing, names = {}, {}
  for id in pairs(wanted) do
    if not position[id] then missing[#missing + 1], names[#names + 1] = 'i:' .. id, id end
  end
  if #missing == 0 then return end
  for from = 1, #missing, CHUNK do
    local texts = redis.call('HMGET', STATE, unpack(missing, from, min(#missing, from + CHUNK - 1)))
    for i = 1, #texts do add_instance(names[from - 1 + i], texts[i], false) end
  end
end

local holders = {}
for i, request in ipairs(requests) do
  local game = game_of[i]
  local note = game and game.note
  local leaves = request.op == 'release'
    or request.op == 'assign' and not (game.record and not gone[note and note[INSTANCE] or false])
  if leaves and note and note[MARK] ~= 'released' then holders[note[INSTANCE]] = true end
end
load_others(holders)

-- 2. Fold in newer samples --------------------------------------------------------------------------------------------

local function fold(i)
  local instance, candidate = instances[i], candidates[i]
  local taken = candidate[TAKEN_AT]
  if not taken or (instance[SAMPLED_AT] and taken <= instance[SAMPLED_AT]) then return end
  local apart = instance[SAMPLED_AT] and taken - instance[SAMPLED_AT] or 0
  -- Pending games fade with the time between samples, not with the clock: frozen metrics never forget them. A game
  -- placed well before the sample (an idle time lay between) is partly visible in it already, and wholly where the
  -- window of the rate began after it: what many games leave of a fading tail is no load.
  local since = max(0, taken - instance[PLACED_AT] - rule.scrape_interval_s)
  local all_shown = since > rule.cpu_window_s
  for k = CPU, RAM do
    instance[PENDING[k]] = all_shown and 0 or instance[PENDING[k]] * exp(-apart / LAG_S[k])
      + (1 - VISIBLE_AT_ONCE[k]) * instance[NEW[k]] * exp(-since / LAG_S[k])
    instance[NEW[k]] = 0
    instance[USED[k]] = candidate[IN_USE[k]]
  end
  instance[SAMPLED_AT] = taken
  instance[DARK_SINCE] = false
  changed[i] = true
end

-- An instance without believable samples is dark: it is judged by what was placed on it, see below.
local dark, sampled = {}, 0

local function find_dark()
  local first_call = not stored[1]
  for i, candidate in ipairs(candidates) do
    local instance = instances[i]
    local at = instance[SAMPLED_AT]
    dark[i] = not at
      or fleet[NEWEST] - at > STALE_SCRAPES * rule.scrape_interval_s
      or (not candidate[TAKEN_AT] and call.newest and call.newest > at + STALE_FETCH_S)
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

local function decayed(instance, position)
  return instance[position] * exp(-(now - instance[PLACED_AT]) / MEMORY_S)
end

-- 3. What a game costs ------------------------------------------------------------------------------------------------

-- A game of level low is worth one; one of level high as much more as it is configured to use.
local worth_of = { low = { 1, 1 }, high = { rule.high_cost[CPU] / rule.cost[CPU], rule.high_cost[RAM] / rule.cost[RAM] } }
local cost = { rule.cost[CPU], rule.cost[RAM] } -- cores and bytes that a game's worth is expected to use

local function learn()
  local learned_at = fleet[LEARNED_AT]
  if learned_at and now - learned_at < LEARN_EVERY_S then return false end
  local keep = exp(-(learned_at and now - learned_at or LEARN_EVERY_S) / AVERAGE_S)
  for k = CPU, RAM do
    local used, sessions = 0, 0
    for i = 1, #candidates do
      if not dark[i] then
        local instance = instances[i]
        used = used + instance[USED[k]]
        -- Sessions that are known to have ended count as well, or a game would seem to cost three times as much as
        -- where nobody reports any end: the cost is tuned to that.
        local remembered = decayed(instance, SESSIONS[k]) + decayed(instance, ENDED[k])
        sessions = sessions + max(0, remembered - instance[PENDING[k]] - instance[NEW[k]])
      end
    end
    fleet[AVERAGE_USED[k]] = fleet[AVERAGE_USED[k]] * keep + used * (1 - keep)
    fleet[AVERAGE_SESSIONS[k]] = fleet[AVERAGE_SESSIONS[k]] * keep + sessions * (1 - keep)
  end
  fleet[LEARNED_AT] = now
  return true
end

-- What a decision that is made again is told, where it knows only some of the candidates.
local as_of = call.as_of or {}

-- Of that, the share that games have proved to use where it is the configured cost: see usual_worth.
local proved = { 1, 1 }

local function find_cost(k)
  local configured, used, sessions = rule.cost[k], fleet[AVERAGE_USED[k]], fleet[AVERAGE_SESSIONS[k]]
  -- With fewer games of ours than instances the load is not ours, and would make each game look like all of it.
  if sessions < (as_of.sampled or sampled) then return configured end
  local learned = (CAUTION * used + PRIOR_GAMES * configured) / (sessions + PRIOR_GAMES)
  proved[k] = min(1, learned / configured)
  return min(10 * configured, max(configured, learned))
end

-- What a game is worth: while its place is sought, and then until samples show it. Its own worth is there for the big
-- ones among games as they are, not as they are configured: a guess three times too high would keep small instances
-- empty (regret of mixed fleets 20 instead of 13 %).
local usual_worth = {}

local function find_usual_worth()
  for level, worth in pairs(worth_of) do
    local own = { OWN_GAMES * proved[CPU] * worth[CPU], OWN_GAMES * proved[RAM] * worth[RAM] }
    usual_worth[level] = { own = own, pending = worth }
  end
end

local function worth_of_request(request)
  local usual, expected = usual_worth[request.level], request.expected
  if not expected then return usual end
  local own, pending = {}, {}
  for k = CPU, RAM do
    local stated = expected[k] and (expected[3] and 1 or CAUTION) * expected[k] / cost[k]
    own[k], pending[k] = stated or usual.own[k], stated or usual.pending[k]
  end
  return { own = own, pending = pending }
end

-- 4. and 5. The score: expected utilisation with the game, least is best ----------------------------------------------

local function expected_share(i, k, own)
  local instance = instances[i]
  return (instance[USED[k]] + cost[k] * (instance[PENDING[k]] + instance[NEW[k]] + own[k])) / candidates[i][CAPACITY[k]]
end

local function sampled_score(i, wanted, own)
  local other = 3 - wanted
  local share = expected_share(i, other, own)
  -- CPU cannot be more than used up: where it is so everywhere, it tells nobody apart. How much more was wanted than
  -- there is cannot be measured, so that games that have ended since may have freed nothing.
  if other == CPU then share = instances[i][USED[CPU]] >= USED_UP * candidates[i][CAPACITY[CPU]] and 1 or min(1, share) end
  return expected_share(i, wanted, own) + OTHER_WEIGHT * share + OTHER_PENALTY[other] * max(0, share - OTHER_LIMIT)
end

-- How long games seem to live, s: what a remembered session still uses says how many of them have ended.
local mean_life

local function find_mean_life()
  mean_life = 30
  for k = CPU, RAM do
    local used_per_session = (fleet[AVERAGE_USED[k]] + 5 * rule.cost[k]) / (fleet[AVERAGE_SESSIONS[k]] + 10)
    mean_life = max(mean_life, MEMORY_S * used_per_session / cost[k])
  end
end

-- How many sessions one stands for that is not known to have ended, as far as ends are reported at all: mean_life says
-- how many of all of them still run, so those known to have ended must not count as ended twice.
local all_sessions, all_ended = 0, 0

local function sum_sessions()
  all_sessions, all_ended = as_of.sessions or 0, as_of.ended or 0
  if as_of.sessions then return end
  for i = 1, #candidates do
    all_sessions = all_sessions + decayed(instances[i], SESSIONS[CPU])
    all_ended = all_ended + decayed(instances[i], ENDED[CPU])
  end
end

local function known_ends() return all_sessions > 0 and (all_sessions + all_ended) / all_sessions or 1 end

-- By remembered sessions: those of the last MEMORY_S, less those that will have ended.
local function remembered_score(i, wanted, own)
  local instance, candidate = instances[i], candidates[i]
  local listed = max(1, now - instance[SEEN_AT])
  local ends = known_ends()
  local alive = min(1, mean_life * (1 - exp(-listed / mean_life)) / (MEMORY_S * (1 - exp(-listed / MEMORY_S))))
  local function share(k)
    return (SESSION_CAUTION * decayed(instance, SESSIONS[k]) * ends * alive + own[k]) * cost[k] / candidate[CAPACITY[k]]
  end
  return share(wanted) + OTHER_WEIGHT * share(3 - wanted)
end

local function dark_score(i, wanted, own, median, high)
  local instance = instances[i]
  local dark_for = now - instance[DARK_SINCE]
  if not instance[SAMPLED_AT] then
    return max(remembered_score(i, wanted, own), median * max(0, 1 - dark_for / SLOW_START_S))
  elseif dark_for <= STALE_S then
    return max(sampled_score(i, wanted, own), dark_for < SLOW_START_S and high or 0)
  end
  return max(remembered_score(i, wanted, own), sampled_score(i, wanted, own) * exp(-(dark_for - STALE_S) / MEMORY_S))
end

-- Median and 90th percentile of the sampled instances' scores.
local function quantiles(scores)
  if as_of.median then return as_of.median, as_of.high end
  local sorted = {}
  for i = 1, #candidates do
    if not dark[i] then sorted[#sorted + 1] = scores[i] end
  end
  table.sort(sorted)
  local m = #sorted
  if m == 0 then return 0, 0 end
  return sorted[floor(m / 2) + 1], sorted[floor(0.9 * m) + 1]
end

local everybody = {}
for i = 1, #candidates do everybody[i] = i end

-- By level, for games of no stated use: scores, and the candidates whose score is out of date.
local kept = { low = { scores = {}, stale = everybody }, high = { scores = {}, stale = everybody } }

local function score_all(request, own)
  local wanted = WANTED[request.level]
  local keep = request.expected and { scores = {}, stale = everybody } or kept[request.level]
  local scores = keep.scores
  for n = 1, #keep.stale do
    local i = keep.stale[n]
    if not dark[i] then scores[i] = sampled_score(i, wanted, own) end
  end
  keep.stale = {}
  if sampled < #candidates then
    local median, high = quantiles(scores)
    for i = 1, #candidates do
      if dark[i] then scores[i] = dark_score(i, wanted, own, median, high) end
    end
  end
  return scores
end

-- Capacity ------------------------------------------------------------------------------------------------------------

-- Takes leases that have expired off the counts.
-- @param members "g:<game_id> <instance id>", or what holds no place and counts for nothing
local function count_off(members)
  local per_instance = {}
  for _, member in ipairs(members) do
    local id = member:match(' (.+)$')
    if id then
      per_instance[id] = (per_instance[id] or 0) + 1
      add_games(-1)
    end
  end
  load_others(per_instance)
  for id, number in pairs(per_instance) do
    local i = position[id]
    if i then
      instances[i][GAMES] = max(0, instances[i][GAMES] - number)
      changed[i] = true
    end
  end
end

-- All of those that nothing has counted yet. They stay where they are until the sweep, which costs more.
local counted = false
local function count_expired()
  if counted then return end
  counted = true
  count_off(redis.call('ZRANGEBYSCORE', EXPIRY, '(' .. fleet[COUNTED_TO], now))
  fleet[COUNTED_TO] = now
end

local function is_full(i)
  local most = candidates[i][MOST_GAMES]
  if not most or instances[i][GAMES] < most then return false end
  count_expired()
  return instances[i][GAMES] >= most
end

-- Whether the service has as many games as it may have, so that whoever makes up game ids cannot fill the server.
local function has_too_many()
  local most = rule.most_games
  if not most or fleet[ALL_GAMES] < most then return false end
  count_expired()
  return fleet[ALL_GAMES] >= most
end

-- 6. Choose -----------------------------------------------------------------------------------------------------------

-- Of these candidates the one with the least score, the first on ties; nil where all are full. A loop over every
-- candidate for every game is where the time goes, so it does nothing that is not needed.
local function least_of(tier, scores, places)
  local best, best_score
  for n = 1, #tier do
    local i = tier[n]
    local score = scores[i]
    if (not best or score < best_score) and not (places and is_full(i)) then best, best_score = i, score end
  end
  return best
end

-- The fullest of the sampled ones that stays under the ceiling.
local function fullest_of(tier, scores, places)
  local best, sampled_tier = nil, {}
  for _, i in ipairs(tier) do
    if not dark[i] then
      sampled_tier[#sampled_tier + 1] = i
      local fits = scores[i] <= rule.pack_ceiling and (not best or scores[i] > scores[best])
      if fits and not (places and is_full(i)) then best = i end
    end
  end
  return best or least_of(sampled_tier, scores, places)
end

local function tiers_of(request) return request.tiers and call.tiers[request.tiers] or { everybody } end

local function choose(request, own, tiers)
  local scores, some = score_all(request, own), false
  local places = limited and request.op == 'assign' -- what is no game needs no place
  for _, tier in ipairs(tiers) do
    some = some or #tier > 0
    local packs = (request.strategy or rule.strategy) == 'pack'
    local best = packs and fullest_of(tier, scores, places) or least_of(tier, scores, places)
    if best then return best end
  end
  return nil, some and 'no_capacity' or 'no_candidate'
end

-- How it was decided ----------------------------------------------------------------------------------------------------

-- All digits that there are: cjson would round them, and what is decided again from it might come out otherwise.
local function exactly(values, count)
  local texts = {}
  for n = 1, count do texts[n] = values[n] and ('%.17g'):format(values[n]) or 'false' end
  return '[' .. table.concat(texts, ',') .. ']'
end

local decisions, states, told = {}, {}, {} -- told: candidate to the number of its text in `states`

-- An instance's state, once for as long as nothing changes it.
local function tell_state(i)
  if told[i] and changed[i] ~= true then return told[i] end
  if changed[i] then changed[i] = 'told' end
  states[#states + 1] = exactly(instances[i], ENDED[RAM])
  told[i] = #states
  return told[i]
end

-- Those of the candidates that tell most: the two that came first, and who has the least scores.
local function most_telling(scores, best, second)
  if #candidates <= MOST_TOLD then return everybody end
  local others, few, wanted = {}, {}, MOST_TOLD
  for i = 1, #candidates do
    if i == best or i == second then wanted = wanted - 1 else others[#others + 1] = scores[i] end
  end
  table.sort(others)
  local most = others[wanted]
  for i = 1, #candidates do
    local first = i == best or i == second
    local other = not first and wanted > 0 and scores[i] <= most
    if other then wanted = wanted - 1 end
    if first or other then few[#few + 1] = i end
  end
  return few
end

-- Adds what the decision between the candidates depended on, which is as it was before it:
-- { request, moves, why? (a refusal), winner?, runner_up?, scores (of these two), fleet, whole (of all candidates: how many
-- are sampled, their sessions, ended ones, median and 90th percentile), candidates, states (of these: numbers in `states`) }
local function tell(request, own, moves, best, why)
  local scores, others, second, of = score_all(request, own), {}, nil, {}
  for n, tier in ipairs(best and tiers_of(request) or {}) do
    others[n] = {}
    for _, i in ipairs(tier) do
      if i ~= best then table.insert(others[n], i) end
    end
  end
  second = choose(request, own, others)
  local few, median, high = most_telling(scores, best, second), nil, nil
  for n, i in ipairs(few) do of[n] = tell_state(i) end
  if few ~= everybody then median, high = quantiles(scores) end
  decisions[#decisions + 1] = {
    request = request.tell,
    moves = moves,
    why = why,
    winner = best,
    runner_up = second,
    scores = exactly({ scores[best or 0] or false, scores[second or 0] or false }, 2),
    fleet = exactly(fleet, ALL_GAMES),
    whole = exactly({ as_of.sampled or sampled, all_sessions, all_ended, median, high }, 5),
    candidates = few,
    states = of,
  }
end

local expiry_add, expiry_remove, renewed = {}, {}, false -- renewed: a lease is to last longer

local function expire(member, till)
  expiry_add[member], expiry_remove[member] = till or nil, not till or nil
end

local function member_of(game, note)
  return 'g:' .. game.id .. (note[MARK] == 'released' and '' or ' ' .. note[INSTANCE])
end

-- Where the instance is that a note holds a place on; nil where nothing is known of it any more.
local function holder_of(note)
  local i = position[note[INSTANCE]]
  return not unseen[i or 0] and i or nil
end

-- Gives back the place that a game's note holds.
local function end_lease(game)
  local note = game.note or game.expired
  if not note then return end
  if note == game.expired then count_expired() end
  expire(member_of(game, note), false)
  if note == game.expired or note[MARK] == 'released' then return end
  add_games(-1)
  local i = holder_of(note)
  if i then
    instances[i][GAMES] = max(0, instances[i][GAMES] - 1)
    changed[i] = true
  end
end

-- Also what all of them come to: a sum over every candidate for every game would take longer than the choice.
local function set_sessions(i, sessions, ended)
  local instance = instances[i]
  if i <= #candidates then
    all_sessions = all_sessions + sessions[CPU] - decayed(instance, SESSIONS[CPU])
    all_ended = all_ended + ended[CPU] - decayed(instance, ENDED[CPU])
  end
  for k = CPU, RAM do instance[SESSIONS[k]], instance[ENDED[k]] = sessions[k], ended[k] end
  instance[PLACED_AT] = now
  changed[i] = true
end

local function add_session(i, level)
  local instance, sessions, ended = instances[i], {}, {}
  for k = CPU, RAM do
    sessions[k] = decayed(instance, SESSIONS[k]) + worth_of[level][k]
    ended[k] = decayed(instance, ENDED[k])
  end
  set_sessions(i, sessions, ended)
end

-- Takes off what is left by now of the session that a note stands for.
local function end_session(i, note)
  local instance, sessions, ended = instances[i], {}, {}
  local left = exp(-(now - note[PLACED]) / MEMORY_S)
  for k = CPU, RAM do
    local worth = left * worth_of[note[LEVEL]][k]
    sessions[k] = max(0, decayed(instance, SESSIONS[k]) - worth)
    ended[k] = decayed(instance, ENDED[k]) + worth
  end
  set_sessions(i, sessions, ended)
end

local function add_new(i, worth, sign)
  for k = CPU, RAM do instances[i][NEW[k]] = instances[i][NEW[k]] + sign * worth[k] end
  if i <= #candidates then
    if kept.low.stale ~= everybody then table.insert(kept.low.stale, i) end
    if kept.high.stale ~= everybody then table.insert(kept.high.stale, i) end
  end
  changed[i] = true
end

-- When a lease that begins or is renewed now ends, in milliseconds like every time.
local lease_end = floor((now + rule.lease_ttl_s) * 1000 + 0.5) / 1000

-- What is left of a game's record, ms; -1: it never expires.
local function time_left(game)
  game.left_ms = game.left_ms or redis.call('PTTL', game.key)
  return game.left_ms
end

local placed_on = {} -- candidate to the games that this call has placed on it

local function place(game, request, i, pending, mark)
  end_lease(game)
  local expires = lease_end
  game.note = { candidates[i][ID], now, request.attempt, pending[CPU], pending[RAM], expires, request.level, mark }
  game.expired = nil
  -- Another service may have given the record longer than we do.
  game.left_ms = max(rule.record_ttl_s * 1000, mark and time_left(game) or 0)
  game.record = candidates[i][RECORD]
  game.set, game.written = true, true
  expire(member_of(game, game.note), expires)
  add_session(i, request.level)
  add_new(i, pending, 1)
  instances[i][GAMES] = instances[i][GAMES] + 1
  placed_on[i] = (placed_on[i] or 0) + 1
  add_games(1)
end

-- Whether a recorded game is to leave its instance, which the view calls gone: for the whole grace, in views newer than
-- the record.
local function is_to_move(game)
  local id = named_by(game.record)
  local since = marks[id]
  local placed = game.note and game.note[INSTANCE] == id and game.note[PLACED] or 0
  return since and view.at >= max(since, placed) + rule.grace_s
end

-- Its instance may come back, and then without it. What is new there stays: no sample will show it, nor miss it.
local function leave(game)
  local note = game.note
  local i = note and note[MARK] ~= 'released' and holder_of(note)
  if i then end_session(i, note) end
end

local function replay(game, request)
  local note = game.note
  local ours = note and note[MARK] ~= 'released'
  local same_attempt = ours and note[ATTEMPT] == request.attempt or false
  return { 'recorded', game.record, same_attempt, ours and note[MARK] == 'reassigned' or false }
end

-- Looks at the fleet, once and just before the first request that needs it, as if that had come alone.
local opened, learned = false, false

local function open_fleet()
  if opened or not placing then return end
  opened = true
  local newest = fleet[NEWEST]
  for i = 1, #candidates do
    if unseen[i] then unseen[i], changed[i] = nil, true end
    fold(i)
    local at = instances[i][SAMPLED_AT]
    if at and at > newest then newest = at end
  end
  fleet[NEWEST] = newest
  fleet[NEWEST] = max(fleet[NEWEST], call.newest or -1)
  find_dark()
  learned = learn()
  for k = CPU, RAM do cost[k] = find_cost(k) end
  find_usual_worth()
  find_mean_life()
  if sampled < #candidates then sum_sessions() end
end

local function assign(game, request)
  local note = game.note
  local may = may_place(game, request)
  if may then open_fleet() end
  if game.wrong_type then return { 'wrong_type' } end
  local moves = game.record and may and opened and is_to_move(game)
  if game.record and not moves then return replay(game, request) end
  if note and note[MARK] == 'released' and note[ATTEMPT] == request.attempt then
    return { 'recorded', cjson.encode(note[INSTANCE]), true, false }
  end
  if is_late(request) then return { 'late' } end
  if not opened then return { 'no_candidate' } end -- nobody is listed
  local worth, best, why = worth_of_request(request), nil, 'too_many_games'
  if moves or not has_too_many() then best, why = choose(request, worth.own, tiers_of(request)) end
  if request.tell then tell(request, worth.own, moves and true or false, best, why) end
  -- Where nobody else can take it, it stays.
  if not best then return moves and replay(game, request) or { why } end
  if moves then leave(game) end
  place(game, request, best, worth.pending, moves and 'reassigned' or false)
  return { 'placed', best, moves and true or false }
end

local function lookup(game)
  if game.wrong_type then return { 'wrong_type' } end
  if not game.record then return { 'not_found' } end
  local left = time_left(game)
  return { 'found', game.record, left ~= -1 and max(0, left) }
end

-- A record that names no instance is not ours to keep alive.
local function names_instance(id)
  return id and not id:find('[%s%c*>]') and not ('.' .. id .. '.'):find('..', 1, true)
end

-- Whatever it has for longer stays as it is.
local function renew(game, request)
  local id, note = game.record and named_by(game.record), game.note
  if not names_instance(id) then return lookup(game) end
  if is_late(request) then return { 'late' } end
  local ttl_ms, left = rule.record_ttl_s * 1000, time_left(game)
  if left ~= -1 and left < ttl_ms then game.left_ms, game.renewed = ttl_ms, true end
  local ours = note and note[MARK] ~= 'released' and note[INSTANCE] == id
  if ours and note[EXPIRES] < lease_end then
    note[EXPIRES], game.written = lease_end, true
    expire(member_of(game, note), lease_end)
    -- An instance that nobody lists any more is remembered as long as it holds places.
    expire('i:' .. id, max(now + KEEP_INSTANCE_S, lease_end))
    renewed = true
  end
  return lookup(game)
end

local function release(game, request)
  local note = game.note
  if not note or note[MARK] == 'released' then
    if game.wrong_type then return { 'wrong_type' } end
    return game.record and { 'kept', game.record } or { 'unknown' }
  end
  if is_late(request) then return { 'late' } end
  end_lease(game)
  local i = holder_of(note)
  if i then
    end_session(i, note)
    add_new(i, { note[WORTH[CPU]], note[WORTH[RAM]] }, -1)
  end
  -- What names another instance by now is somebody else's.
  if game.record and named_by(game.record) == note[INSTANCE] then game.record, game.set = false, false end
  note[MARK], note[EXPIRES] = 'released', now + RELEASED_S
  expire(member_of(game, note), note[EXPIRES])
  game.written = true
  return { 'released' }
end

-- The choice counts as a game would until samples show it, and then runs out by itself: nobody says when it is over.
local function choose_only(_, request)
  if is_late(request) then return { 'late' } end
  open_fleet()
  if not opened then return { 'no_candidate' } end
  local worth = worth_of_request(request)
  local best, why = choose(request, worth.own, tiers_of(request))
  if not best then return { why } end
  add_session(best, request.level)
  add_new(best, worth.pending, 1)
  return { 'chosen', best }
end

local operations = { assign = assign, lookup = lookup, renew = renew, release = release, choose = choose_only }

local function explain(request)
  count_expired() -- whoever looks is to see the places that there are, also where nobody has asked for one since
  local own, no_game = worth_of_request(request).own, { 0, 0 }
  local scores, selected, explained = score_all(request, own), {}, {}
  for _, tier in ipairs(tiers_of(request)) do
    for _, i in ipairs(tier) do selected[i] = true end
  end
  for i, instance in ipairs(instances) do
    if i > #candidates then break end
    explained[i] = {
      state = not selected[i] and 'not_selected' or is_full(i) and 'full' or dark[i] and 'dark' or 'sampled',
      score = scores[i],
      cpu = expected_share(i, CPU, own),
      ram = expected_share(i, RAM, own),
      cpu_now = expected_share(i, CPU, no_game),
      ram_now = expected_share(i, RAM, no_game),
      cpu_pending = instance[PENDING[CPU]] + instance[NEW[CPU]],
      ram_pending = instance[PENDING[RAM]] + instance[NEW[RAM]],
      games = instance[GAMES],
      sampled_at = instance[SAMPLED_AT],
      recent = instance[RECENT],
    }
  end
  return explained
end

-- Who is gone ---------------------------------------------------------------------------------------------------------

local marks_changed = false

local function mark_gone()
  if not view then return end
  local number = 0
  for id, since in pairs(marks) do
    if now - since > KEEP_INSTANCE_S then marks[id], marks_changed = nil, true else number = number + 1 end
  end
  for _, id in ipairs(view.gone) do
    if not marks[id] and number < MOST_MARKS then
      marks[id], marks_changed, number = now, true, number + 1
    end
  end
  for _, id in ipairs(view.back) do
    if marks[id] and view.at > marks[id] then marks[id], marks_changed = nil, true end
  end
end

-- Decide, one request after another -----------------------------------------------------------------------------------

mark_gone()
local results, explained = {}, nil
for i, request in ipairs(requests) do
  if call.explain and placing and i == #requests then
    open_fleet()
    explained = explain(request)
  end
  results[i] = operations[request.op](game_of[i], request)
end

-- 7. Write, all at the end and all of it prepared before: an error until then has changed nothing ----------------------

local sets, renewals, dropped = {}, {}, {} -- records: games to write, games to keep for longer, keys to delete
local values, forgotten = {}, {}           -- the hash: fields and values, fields to delete
local expiries, ended = {}, {}             -- the sorted set: scores and members, members to delete

-- Removes what has expired, the oldest first, and no more of it than this call has the time for.
local function sweep()
  local old = redis.call('ZRANGEBYSCORE', EXPIRY, '-inf', now, 'WITHSCORES', 'LIMIT', 0, SWEEP_MOST)
  local uncounted = {} -- none may go uncounted
  for n = 1, #old, 2 do
    local member, at = old[n], tonumber(old[n + 1])
    -- What this call has written anew stays.
    if not expiry_add[member] and not expiry_remove[member] then
      ended[#ended + 1], forgotten[#forgotten + 1] = member, member:match('^[^ ]+')
    end
    if at > fleet[COUNTED_TO] then uncounted[#uncounted + 1] = member end
  end
  count_off(uncounted)
  if #old < 2 * SWEEP_MOST then
    fleet[SWEPT_TO], fleet[COUNTED_TO] = now, now
  else
    -- Times are in whole milliseconds: others of the last one's may be left, which have to be counted yet.
    fleet[COUNTED_TO] = max(fleet[COUNTED_TO], tonumber(old[#old]) - 0.0005)
  end
end

-- Games placed on an instance, as "<the newest bucket's number>:<games in it>,<in the bucket before>,...".
local function count_recent(instance, number, bucket)
  local at, newest, older = (instance[RECENT] or ''):match('^(%d+):(%d+)(.*)$')
  at, newest = at or bucket, newest or 0
  -- A clock that was set back counts on where it was.
  local passed = min(max(0, bucket - at), BUCKETS)
  if passed > 0 then
    local counts = {}
    for n = 1, passed do counts[n] = 0 end
    for count in (newest .. older):gmatch('%d+') do
      if #counts < BUCKETS then counts[#counts + 1] = count end
    end
    at, newest, older = bucket, 0, ',' .. table.concat(counts, ',', 2)
  end
  instance[RECENT] = at .. ':' .. newest + number .. (older or '')
end

local function put(field, value) values[#values + 1], values[#values + 2] = field, cjson.encode(value) end

local function prepare()
  for i, candidate in ipairs(opened and candidates or {}) do
    -- An instance that is listed is remembered, also one that nothing happens to; one that holds places, as long as it does.
    if changed[i] or learned then expire('i:' .. candidate[ID], now + max(KEEP_INSTANCE_S, rule.lease_ttl_s)) end
  end
  if opened and now - fleet[SWEPT_TO] >= SWEEP_EVERY_S then sweep() end
  for _, game in ipairs(game_list) do
    if game.written then put('g:' .. game.id, game.note) end
    if game.set then
      sets[#sets + 1] = game
    elseif game.recorded and not game.record then
      dropped[#dropped + 1] = game.key
    elseif game.renewed then
      renewals[#renewals + 1] = game
    end
  end
  local bucket = floor(now / BUCKET_S)
  for i, number in pairs(placed_on) do count_recent(instances[i], number, bucket) end
  if opened or fleet_changed then put('fleet', fleet) end
  if marks_changed then put('gone', marks) end
  for i, id in ipairs(ids) do
    if changed[i] then put('i:' .. id, instances[i]) end
  end
  for member, till in pairs(expiry_add) do expiries[#expiries + 1], expiries[#expiries + 2] = till, member end
  for member in pairs(expiry_remove) do ended[#ended + 1] = member end
end

if not call.dry_run then
  prepare()
  for _, game in ipairs(sets) do redis.call('SET', game.key, game.record, 'PX', game.left_ms) end
  for _, game in ipairs(renewals) do redis.call('PEXPIRE', game.key, game.left_ms) end
  if #dropped > 0 then redis.call('DEL', unpack(dropped)) end
  in_chunks('HSET', STATE, values)
  in_chunks('ZADD', EXPIRY, expiries)
  in_chunks('HDEL', STATE, forgotten)
  in_chunks('ZREM', EXPIRY, ended)
  -- Longer than any lease; and where games are only renewed for long, nothing else would keep their places in mind.
  if learned or renewed and now - (fleet[LEARNED_AT] or 0) > KEEP_STATE_S / 2 then
    local keep_s = max(KEEP_STATE_S, 2 * rule.lease_ttl_s)
    redis.call('EXPIRE', STATE, keep_s)
    redis.call('EXPIRE', EXPIRY, keep_s)
  end
end

local marked = {}
for id in pairs(marks) do marked[#marked + 1] = id end
return cjson.encode({
  now = now,
  results = results,
  marked = marked[1] and marked,
  explained = explained,
  cost = explained and cost,
  decisions = decisions[1] and decisions,
  states = decisions[1] and states,
})
