/** A mistake that could be made in place.lua, and the golden decision that finds it. */
export interface Mutant {
  readonly name: string;
  /** Text of the script that is there once, and what it becomes. */
  readonly from: string;
  readonly to: string;
  /** The `rule` of that decision. */
  readonly killedBy: string;
}

export const MUTANTS: readonly Mutant[] = [
  // The score
  {
    name: 'the game itself counts twice',
    from: 'OWN_GAMES = 3 ',
    to: 'OWN_GAMES = 2 ',
    killedBy: 'The game itself counts three times, which keeps it off a small server.',
  },
  {
    name: 'the game itself is subtracted',
    from: '+ instance[NEW[k]] + own[k])',
    to: '+ instance[NEW[k]] - own[k])',
    killedBy: 'The game itself counts three times, which keeps it off a small server.',
  },
  {
    name: 'the levels are swapped',
    from: 'WANTED = { low = CPU, high = RAM }',
    to: 'WANTED = { low = RAM, high = CPU }',
    killedBy: 'A game of level low goes by CPU, one of level high by RAM.',
  },
  {
    name: 'the other resource weighs a fifth',
    from: 'OTHER_WEIGHT = 0.25',
    to: 'OTHER_WEIGHT = 0.2',
    killedBy: 'The resource that is not wanted weighs a quarter.',
  },
  {
    name: 'the other resource is not the other one',
    from: 'local share = expected_share(i, other, own)',
    to: 'local share = expected_share(i, wanted, own)',
    killedBy: 'For a game of level high CPU is the one that weighs a quarter.',
  },
  {
    name: 'the other resource counts more from 84 %',
    from: 'OTHER_LIMIT = 0.85 ',
    to: 'OTHER_LIMIT = 0.84 ',
    killedBy: 'Just under 85 % the other resource counts nothing more.',
  },
  {
    name: 'above the limit the other resource counts three times more',
    from: 'OTHER_PENALTY = { 2, 4 }',
    to: 'OTHER_PENALTY = { 2, 3 }',
    killedBy: 'Above 85 % the other resource counts four times more.',
  },
  {
    name: 'CPU above the limit counts as much as RAM',
    from: 'OTHER_PENALTY = { 2, 4 }',
    to: 'OTHER_PENALTY = { 4, 4 }',
    killedBy: 'Where the other resource is CPU, it counts twice more above 85 %.',
  },
  {
    name: 'a release frees CPU that was used up',
    from: 'and 1 or min(1, share) end',
    to: 'and min(1, share) or min(1, share) end',
    killedBy: 'A release frees no CPU, as the other resource, where all of it was in use.',
  },
  {
    name: 'CPU may be more than used up',
    from: 'and 1 or min(1, share) end',
    to: 'and share or share end',
    killedBy: 'CPU as the other resource is at most used up.',
  },
  {
    name: 'under the limit the other resource counts less',
    from: 'OTHER_PENALTY[other] * max(0, share - OTHER_LIMIT)',
    to: 'OTHER_PENALTY[other] * (share - OTHER_LIMIT)',
    killedBy: 'The resource that is not wanted weighs a quarter.',
  },
  {
    name: 'sizes are swapped',
    from: 'CAPACITY, TAKEN_AT, IN_USE, MOST_GAMES = 1, 2, { 3, 4 }',
    to: 'CAPACITY, TAKEN_AT, IN_USE, MOST_GAMES = 1, 2, { 4, 3 }',
    killedBy: 'A big server takes more games before the next one is less used.',
  },
  {
    name: 'the last of equals is taken',
    from: '(not best or score < best_score)',
    to: '(not best or score <= best_score)',
    killedBy: 'Equals take turns, the first in the list first.',
  },
  {
    name: 'a score that is out of date is kept',
    from: 'table.insert(kept.low.stale, i)',
    to: '',
    killedBy: 'Equals take turns, the first in the list first.',
  },
  {
    name: 'a score of level high that is out of date is kept',
    from: 'table.insert(kept.high.stale, i)',
    to: '',
    killedBy: 'For a game of level high CPU is the one that weighs a quarter.',
  },

  // Pending games
  {
    name: 'a tail of many games is pending for ever',
    from: 'local all_shown = since > rule.cpu_window_s',
    to: 'local all_shown = false',
    killedBy:
      'A sample shows all of the games that were placed more than a scrape and the window of the rate before it.',
  },
  {
    name: 'a sample shows all as soon as the window of the rate begins with the last game',
    from: 'local all_shown = since > rule.cpu_window_s',
    to: 'local all_shown = since >= rule.cpu_window_s',
    killedBy: 'A sample of a scrape and the window of the rate later does not show all of the games yet.',
  },
  {
    name: 'a game placed is not pending',
    from: 'instances[i][NEW[k]] = instances[i][NEW[k]] + sign * worth[k]',
    to: '',
    killedBy: 'Frozen metrics never forget the games that they do not show.',
  },
  {
    name: 'what a sample shows in part is forgotten',
    from: 'instance[PENDING[k]] = all_shown and 0 or instance[PENDING[k]] * exp(-apart / LAG_S[k])',
    to: 'instance[PENDING[k]] = 0',
    killedBy: 'The CPU of pending games shows over 12.5 s and their RAM over 5 s, between the times of two samples.',
  },
  {
    name: 'the shares seen at once are swapped',
    from: 'VISIBLE_AT_ONCE = { 0, 0.3 }',
    to: 'VISIBLE_AT_ONCE = { 0.3, 0 }',
    killedBy: 'A sample shows nothing of the CPU of the games just placed, and 30 % of their RAM.',
  },
  {
    name: 'RAM is not seen at once',
    from: 'VISIBLE_AT_ONCE = { 0, 0.3 }',
    to: 'VISIBLE_AT_ONCE = { 0, 0 }',
    killedBy:
      'For a game of level high, too, a sample shows 30 % of the RAM of the games just placed and nothing of their CPU.',
  },
  {
    name: 'the lags are swapped',
    from: 'LAG_S = { max(5, 7.5 + (rule.cpu_window_s - rule.scrape_interval_s) / 2), 5 }',
    to: 'LAG_S = { 5, max(5, 7.5 + (rule.cpu_window_s - rule.scrape_interval_s) / 2) }',
    killedBy: 'The CPU of pending games shows over 12.5 s and their RAM over 5 s, between the times of two samples.',
  },
  {
    name: 'RAM lags 6 s',
    from: '- rule.scrape_interval_s) / 2), 5 }',
    to: '- rule.scrape_interval_s) / 2), 6 }',
    killedBy: 'For a game of level high, too, the RAM of pending games shows over 5 s.',
  },
  {
    name: 'CPU lags the whole of what the window is longer',
    from: '(rule.cpu_window_s - rule.scrape_interval_s) / 2)',
    to: '(rule.cpu_window_s - rule.scrape_interval_s))',
    killedBy: 'The CPU of pending games shows over 7.5 s and half of what the window is longer than a scrape.',
  },
  {
    name: 'CPU may lag less than 5 s',
    from: 'max(5, 7.5 + (rule.cpu_window_s',
    to: 'max(0.5, 7.5 + (rule.cpu_window_s',
    killedBy: 'The CPU of pending games shows over at least 5 s, however short the window.',
  },
  {
    name: 'pending games fade with the clock',
    from: 'and taken - instance[SAMPLED_AT] or 0',
    to: 'and now - instance[SAMPLED_AT] or 0',
    killedBy: 'The CPU of pending games shows over 12.5 s and their RAM over 5 s, between the times of two samples.',
  },
  {
    name: 'a game placed long before the sample is not visible in it',
    from: 'local since = max(0, taken - instance[PLACED_AT] - rule.scrape_interval_s)',
    to: 'local since = 0',
    killedBy: 'What was placed more than a scrape before the sample is partly visible in it.',
  },
  {
    name: 'a game is visible at once in a sample that comes within a scrape',
    from: 'taken - instance[PLACED_AT] - rule.scrape_interval_s',
    to: 'taken - instance[PLACED_AT]',
    killedBy: 'What was placed a scrape before the sample is not visible in it at all.',
  },
  {
    name: 'the idle time counts from when the instance was first listed',
    from: 'local since = max(0, taken - instance[PLACED_AT]',
    to: 'local since = max(0, taken - instance[SEEN_AT]',
    killedBy: 'How long before the sample games were placed counts from the last of them, and not from the first.',
  },
  {
    name: 'the games since a sample outlive it',
    from: 'instance[NEW[k]] = 0',
    to: '',
    killedBy: 'A sample shows nothing of the CPU of the games just placed, and 30 % of their RAM.',
  },
  {
    name: 'an older sample is folded in',
    from: 'taken <= instance[SAMPLED_AT])',
    to: 'taken == instance[SAMPLED_AT])',
    killedBy: 'A view that is older than another takes nothing back.',
  },
  {
    name: 'the same sample is folded in twice',
    from: 'taken <= instance[SAMPLED_AT])',
    to: 'taken < instance[SAMPLED_AT])',
    killedBy: 'The same sample again makes nothing of the games visible.',
  },

  // Dark servers
  {
    name: 'a sample just three scrapes old is not believed',
    from: 'fleet[NEWEST] - at > STALE_SCRAPES',
    to: 'fleet[NEWEST] - at >= STALE_SCRAPES',
    killedBy: 'A sample three scrapes older than the newest is still believed, an older one is not.',
  },
  {
    name: 'a sample is believed for four scrapes',
    from: 'STALE_SCRAPES = 3',
    to: 'STALE_SCRAPES = 4',
    killedBy: 'With a scrape every 5 s a sample is believed until it is 15 s older than the newest.',
  },
  {
    name: 'the newest sample is that of the candidates',
    from: 'fleet[NEWEST] = max(fleet[NEWEST], call.newest or -1)',
    to: '',
    killedBy: 'The newest sample of the whole answer counts, also when it is of none of the candidates.',
  },
  {
    name: 'who is missing from an answer of 5 s later is not believed',
    from: 'call.newest > at + STALE_FETCH_S',
    to: 'call.newest >= at + STALE_FETCH_S',
    killedBy: 'Who is missing from an answer is believed until that is more than 5 s newer than its sample.',
  },
  {
    name: 'who is in the answer with an older sample is not believed',
    from: '(not candidate[TAKEN_AT] and call.newest and',
    to: '(call.newest and',
    killedBy: 'Who is in the answer is believed, though its sample is older than others.',
  },
  {
    name: 'a sample of 600 s is not believed',
    from: 'or now - at > STALE_S',
    to: 'or now - at >= STALE_S',
    killedBy: 'A sample is believed for 600 s of the clock.',
  },
  {
    name: 'a sample is believed however old',
    from: 'or now - at > STALE_S',
    to: '',
    killedBy: 'A sample is believed for 600 s of the clock.',
  },
  {
    name: 'the slow start takes 70 s',
    from: 'SLOW_START_S = 60',
    to: 'SLOW_START_S = 70',
    killedBy: 'A newcomer counts like the median at first, and as less from second to second for a minute.',
  },
  {
    name: 'a newcomer counts like the 90th percentile',
    from: 'median * max(0, 1 - dark_for / SLOW_START_S)',
    to: 'high * max(0, 1 - dark_for / SLOW_START_S)',
    killedBy: 'A newcomer counts like the median at first, and as less from second to second for a minute.',
  },
  {
    name: 'a newcomer starts fast',
    from: 'return max(remembered_score(i, wanted, own), median * max(0, 1 - dark_for / SLOW_START_S))',
    to: 'return remembered_score(i, wanted, own)',
    killedBy: 'In the second call of a service one without metrics is a newcomer.',
  },
  {
    name: 'everybody is new in the first call',
    from: 'first_call and now - SLOW_START_S or now',
    to: 'now',
    killedBy: 'In the first call of a service those without metrics have been there for a minute.',
  },
  {
    name: 'a server whose metrics end counts like the median',
    from: 'dark_for < SLOW_START_S and high or 0',
    to: 'dark_for < SLOW_START_S and median or 0',
    killedBy: 'Of ten the 90th percentile is the greatest.',
  },
  {
    name: 'the 90th percentile is the greatest',
    from: 'sorted[floor(0.9 * m) + 1]',
    to: 'sorted[m]',
    killedBy: 'Whose metrics end counts like the 90th percentile of those that are known.',
  },
  {
    name: 'the median is the lower of the two in the middle',
    from: 'sorted[floor(m / 2) + 1]',
    to: 'sorted[floor((m + 1) / 2)]',
    killedBy: 'Of two the median is the greater.',
  },
  {
    name: 'a server whose metrics end counts like the 90th percentile at 60 s too',
    from: 'dark_for < SLOW_START_S and high',
    to: 'dark_for <= SLOW_START_S and high',
    killedBy: 'Whose metrics end counts like the 90th percentile for less than 60 s, and then by its last sample.',
  },
  {
    name: 'the last sample counts for less than 600 s',
    from: 'elseif dark_for <= STALE_S then',
    to: 'elseif dark_for < STALE_S then',
    killedBy:
      'The last sample counts as it is until 600 s after metrics ended, also when that makes a server look idle.',
  },
  {
    name: 'the last sample is forgotten at once after 600 s',
    from: 'return max(remembered_score(i, wanted, own), sampled_score(i, wanted, own) * exp(-(dark_for - STALE_S) / MEMORY_S))',
    to: 'return remembered_score(i, wanted, own)',
    killedBy: 'From 600 s after metrics ended the last sample is forgotten over 900 s.',
  },
  {
    name: 'the last sample is forgotten from the beginning on',
    from: 'exp(-(dark_for - STALE_S) / MEMORY_S)',
    to: 'exp(-dark_for / MEMORY_S)',
    killedBy: 'From 600 s after metrics ended the last sample is forgotten over 900 s.',
  },
  {
    name: 'a sample leaves a server dark',
    from: 'instance[DARK_SINCE] = false',
    to: '',
    killedBy: 'Whose metrics end again after a sample counts like one whose metrics end for the first time.',
  },
  {
    name: 'not being missing once ends the darkness',
    from: 'sampled = sampled + 1',
    to: 'sampled, instance[DARK_SINCE] = sampled + 1, false',
    killedBy: 'An older view, in which it is not missing, makes a server whose metrics ended no less dark.',
  },
  {
    name: 'darkness begins anew with every call',
    from: 'elseif not instance[DARK_SINCE] then',
    to: 'else',
    killedBy: 'A newcomer is one like any other after 60 s.',
  },
  {
    name: 'a dark server is one of those that the median is of',
    from: 'if not dark[i] then sorted[#sorted + 1] = scores[i] end',
    to: 'if instances[i][SAMPLED_AT] then sorted[#sorted + 1] = scores[i] or sampled_score(i, CPU, { 3, 3 }) end',
    killedBy: 'Who is dark is none of those that the median and the 90th percentile are of.',
  },

  // Remembered sessions
  {
    name: 'a session counts 1.2 times',
    from: 'SESSION_CAUTION = 1.4',
    to: 'SESSION_CAUTION = 1.2',
    killedBy: 'Without any metrics a session counts 1.4 times, and the game itself thrice.',
  },
  {
    name: 'sessions are never forgotten',
    from: 'return instance[position] * exp(-(now - instance[PLACED_AT]) / MEMORY_S)',
    to: 'return instance[position]',
    killedBy: 'Sessions are forgotten over 900 s.',
  },
  {
    name: 'remembered sessions are not thinned',
    from: 'ends * alive + own[k]',
    to: 'ends + own[k]',
    killedBy: 'Remembered sessions count for as long as games seem to live by the load of CPU.',
  },
  {
    name: 'the life of games goes by CPU alone',
    from: 'mean_life = max(mean_life, MEMORY_S * used_per_session / cost[k])',
    to: 'if k == CPU then mean_life = max(mean_life, MEMORY_S * used_per_session / cost[k]) end',
    killedBy: 'Remembered sessions count for as long as games seem to live by the load of RAM.',
  },
  {
    name: 'the life of games goes by the sessions of the other resource',
    from: '5 * rule.cost[k]) / (fleet[AVERAGE_SESSIONS[k]] + 10)',
    to: '5 * rule.cost[k]) / (fleet[AVERAGE_SESSIONS[3 - k]] + 10)',
    killedBy: 'How long games seem to live by a resource goes by the sessions of that resource.',
  },
  {
    name: 'games may live for no time',
    from: 'mean_life = 30',
    to: 'mean_life = 1e-3',
    killedBy: 'Games seem to live 30 s at least.',
  },
  {
    name: 'the resources of remembered sessions are swapped',
    from: 'return share(wanted) + OTHER_WEIGHT * share(3 - wanted)',
    to: 'return share(3 - wanted) + OTHER_WEIGHT * share(wanted)',
    killedBy: 'For a game of level high the CPU of remembered sessions weighs a quarter.',
  },

  // What a game costs
  {
    name: 'a game costs what it seems to use',
    from: 'CAUTION = 2 ',
    to: 'CAUTION = 1 ',
    killedBy:
      'A game costs twice the load by the sessions that show it, with ten games of the configured cost for a prior.',
  },
  {
    name: 'the game itself costs at least what is configured',
    from: 'proved[k] = min(1, learned / configured)',
    to: 'proved[k] = 1',
    killedBy: 'The game itself costs what games have proved to cost, where that is less than what is configured.',
  },
  {
    name: 'the game itself costs ever more',
    from: 'proved[k] = min(1, learned / configured)',
    to: 'proved[k] = learned / configured',
    killedBy:
      'A game costs twice the load by the sessions that show it, with ten games of the configured cost for a prior.',
  },
  {
    name: 'the configured cost weighs eight games',
    from: 'PRIOR_GAMES = 10 ',
    to: 'PRIOR_GAMES = 8 ',
    killedBy:
      'A game costs twice the load by the sessions that show it, with ten games of the configured cost for a prior.',
  },
  {
    name: 'load is averaged over 900 s',
    from: 'AVERAGE_S = 600 ',
    to: 'AVERAGE_S = 900 ',
    killedBy: 'What was learned fades over 600 s.',
  },
  {
    name: 'a game may cost less than configured',
    from: 'max(configured, learned)',
    to: 'learned',
    killedBy: 'A game that no sample shows yet never costs less than what is configured.',
  },
  {
    name: 'a game may cost 20 times what is configured',
    from: 'min(10 * configured',
    to: 'min(20 * configured',
    killedBy: 'A game never costs more than ten times what is configured.',
  },
  {
    name: 'the cost is learned with fewer sessions than servers',
    from: 'if sessions < (as_of.sampled or sampled) then return configured end',
    to: '',
    killedBy: 'The configured cost holds while there are fewer sessions of ours than servers with metrics.',
  },
  {
    name: 'the cost is learned after more than 15 s only',
    from: 'now - learned_at < LEARN_EVERY_S',
    to: 'now - learned_at <= LEARN_EVERY_S',
    killedBy: 'The cost is learned again after 15 s, and not before.',
  },
  {
    name: 'the cost is learned in every call',
    from: 'if learned_at and now - learned_at < LEARN_EVERY_S then return false end',
    to: '',
    killedBy: 'The cost is learned again after 15 s, and not before.',
  },
  {
    name: 'games that no sample shows are learned from',
    from: '- instance[PENDING[k]] - instance[NEW[k]])',
    to: '- instance[PENDING[k]])',
    killedBy: 'Games that no sample shows yet are no sessions to learn from.',
  },
  {
    name: 'the resources of games that no sample shows are swapped',
    from: '- instance[PENDING[k]] - instance[NEW[k]])',
    to: '- instance[PENDING[k]] - instance[NEW[3 - k]])',
    killedBy: 'Games of which no CPU is pending are sessions to learn its cost from.',
  },
  {
    name: 'games that a sample shows in part are learned from',
    from: '- instance[PENDING[k]] - instance[NEW[k]])',
    to: '- instance[NEW[k]])',
    killedBy: 'Games that a sample does not fully show are no sessions to learn from.',
  },
  {
    name: 'a server may have less than no sessions',
    from: 'sessions + max(0, remembered',
    to: 'sessions + max(-1e9, remembered',
    killedBy:
      'Where more games are not shown than sessions are left, they take nothing from the sessions of other servers.',
  },
  {
    name: 'the load of dark servers is learned from',
    from: '      if not dark[i] then\n        local instance = instances[i]\n        used',
    to: '      if true then\n        local instance = instances[i]\n        used',
    killedBy: 'Nothing is learned from a server that is dark.',
  },

  // What a request says
  {
    name: 'what is expected counts twice, also when it is exact',
    from: '(expected[3] and 1 or CAUTION)',
    to: 'CAUTION',
    killedBy: 'What a game is expected to use exactly counts once.',
  },
  {
    name: 'what is expected counts once, also when it is not exact',
    from: '(expected[3] and 1 or CAUTION)',
    to: '1',
    killedBy: 'What a game is expected to use counts twice, and what is not said as usual.',
  },
  {
    name: 'what is expected is counted in games of the configured cost',
    from: 'or CAUTION) * expected[k] / cost[k]',
    to: 'or CAUTION) * expected[k] / rule.cost[k]',
    killedBy: 'What a game is expected to use is cores and bytes, whatever a game costs by now.',
  },
  {
    name: 'a game of stated use is pending like any other',
    from: 'own[k], pending[k] = stated or usual.own[k], stated or usual.pending[k]',
    to: 'own[k], pending[k] = stated or usual.own[k], usual.pending[k]',
    killedBy: 'A game is pending with what it was expected to use.',
  },
  {
    name: 'a game of stated use is as many sessions',
    from: '  add_session(i, request.level)\n',
    to: '  for _ = 1, pending[CPU] do add_session(i, request.level) end\n',
    killedBy: 'Whatever a game is expected to use, it is one session.',
  },
  {
    name: 'the costs of the levels are taken the other way round',
    from: 'rule.high_cost[CPU] / rule.cost[CPU], rule.high_cost[RAM] / rule.cost[RAM]',
    to: 'rule.cost[CPU] / rule.high_cost[CPU], rule.cost[RAM] / rule.high_cost[RAM]',
    killedBy: 'A game of level high counts three times what is configured for it.',
  },
  {
    name: 'to pack is to go one above the ceiling',
    from: 'scores[i] <= rule.pack_ceiling and',
    to: '',
    killedBy: 'To pack is to take the most used up to a score of 75 %.',
  },
  {
    name: 'to pack is to spread',
    from: 'scores[i] > scores[best])',
    to: 'scores[i] < scores[best])',
    killedBy: 'To pack is to take the most used up to the score that is configured, when a request asks for it.',
  },
  {
    name: 'where nobody is under the ceiling, those without samples are packed first',
    from: 'return best or least_of(sampled_tier, scores, places)',
    to: 'return best',
    killedBy: 'Where nobody is under the ceiling, to pack is to spread, and those without samples come last.',
  },

  // Places
  {
    name: 'one game more than there are places',
    from: 'return instances[i][GAMES] >= most',
    to: 'return instances[i][GAMES] > most',
    killedBy: 'A full server gets nothing, however idle, and a free one everything, however busy.',
  },
  {
    name: 'a full server stays full when leases end',
    from: '  count_expired()\n  return instances[i][GAMES] >= most',
    to: '  return instances[i][GAMES] >= most',
    killedBy: 'A place is free again when its lease ends, and not before.',
  },
  {
    name: 'a lease that has ended is counted again in the next call',
    from: '  fleet[COUNTED_TO] = now\nend',
    to: 'end',
    killedBy: 'A place is free again when its lease ends, and not before.',
  },
  {
    name: 'one game more than the service may have',
    from: 'return fleet[ALL_GAMES] >= most',
    to: 'return fleet[ALL_GAMES] > most',
    killedBy: 'A service has no more games than it may have, whatever room there is, and takes another when one ends.',
  },
  {
    name: 'a service that has too many games keeps them all when leases end',
    from: '  count_expired()\n  return fleet[ALL_GAMES] >= most',
    to: '  return fleet[ALL_GAMES] >= most',
    killedBy: 'A service has no more games than it may have, whatever room there is, and takes another when one ends.',
  },
  {
    name: 'a lease that ends leaves the count of all games as it is',
    from: '      per_instance[id] = (per_instance[id] or 0) + 1\n      add_games(-1)',
    to: '      per_instance[id] = (per_instance[id] or 0) + 1',
    killedBy: 'A service has no more games than it may have, whatever room there is, and takes another when one ends.',
  },
  {
    name: 'a released game stays in the count of all games',
    from: '  add_games(-1)\n  local i = holder_of(note)',
    to: '  local i = holder_of(note)',
    killedBy: 'A service has no more games than it may have, whatever room there is, and takes another when one ends.',
  },
  {
    name: 'a release does not store the count of all games',
    from: 'if opened or fleet_changed then',
    to: 'if opened then',
    killedBy: 'A service has no more games than it may have, whatever room there is, and takes another when one ends.',
  },
  {
    name: 'a game cannot move where the service has as many as it may',
    from: 'if moves or not has_too_many() then',
    to: 'if not has_too_many() then',
    killedBy: 'A game moves from a server that is gone also where the service has as many games as it may have.',
  },
  {
    name: 'a game that moves is counted twice',
    from: '  end_lease(game)\n  local expires = lease_end',
    to: '  local expires = lease_end',
    killedBy: 'A game moves from a server that is gone also where the service has as many games as it may have.',
  },
  {
    name: 'a released game keeps its place',
    from: "  if is_late(request) then return { 'late' } end\n  end_lease(game)",
    to: "  if is_late(request) then return { 'late' } end",
    killedBy:
      'A place is free at once when its game is released, and not a second time when its lease would have ended.',
  },
  {
    name: 'the lease of a released game still ends',
    from: 'expire(member_of(game, note), false)',
    to: '',
    killedBy:
      'A place is free at once when its game is released, and not a second time when its lease would have ended.',
  },
  {
    name: 'that leases have ended is not kept',
    from: 'number)\n      changed[i] = true',
    to: 'number)',
    killedBy: 'Leases that are found to have ended stay so when the game goes elsewhere.',
  },
  {
    name: 'leases of servers that are not listed do not end',
    from: '  load_others(per_instance)',
    to: '',
    killedBy: 'The leases of a server end also while it is not listed.',
  },

  // Releases
  {
    name: 'a released game is placed once more',
    from: 'add_new(i, { note[WORTH[CPU]], note[WORTH[RAM]] }, -1)',
    to: 'add_new(i, { note[WORTH[CPU]], note[WORTH[RAM]] }, 1)',
    killedBy: 'A released game is no longer pending.',
  },
  {
    name: 'sessions that are known to have ended are taken for ended twice',
    from: 'decayed(instance, SESSIONS[k]) * ends',
    to: 'decayed(instance, SESSIONS[k])',
    killedBy: 'A released game takes off the remembered sessions what is left of its own.',
  },
  {
    name: 'a released game is still a session',
    from: 'max(0, decayed(instance, SESSIONS[k]) - worth)',
    to: 'decayed(instance, SESSIONS[k])',
    killedBy: 'A released game takes off the remembered sessions what is left of its own.',
  },
  {
    name: 'a released game takes a whole session, also where less is left of it',
    from: 'local left = exp(-(now - note[PLACED]) / MEMORY_S)',
    to: 'local left = 1',
    killedBy: 'A released game takes off the remembered sessions what is left of its own.',
  },
  {
    name: 'the games since a sample are never less than none',
    from: 'instances[i][NEW[k]] = instances[i][NEW[k]] + sign * worth[k]',
    to: 'instances[i][NEW[k]] = max(0, instances[i][NEW[k]] + sign * worth[k])',
    killedBy:
      'A released game that a sample has shown in part is taken off the games since it, which may be less than none.',
  },
  {
    name: 'a game is released time and again',
    from: "if not note or note[MARK] == 'released' then\n",
    to: 'if not note then\n',
    killedBy: 'A game is released once, and only by its own id.',
  },
  {
    name: 'a released game is answered with its server, whoever asks',
    from: "if note and note[MARK] == 'released' and note[ATTEMPT] == request.attempt then",
    to: "if note and note[MARK] == 'released' then",
    killedBy: 'For any other attempt a released game is placed anew at once.',
  },
  {
    name: 'a late retry is known for three seconds',
    from: 'RELEASED_S = 2 ',
    to: 'RELEASED_S = 3 ',
    killedBy: 'A late retry of the attempt that placed a released game gets the same answer for 2 s.',
  },
  {
    name: 'a released game stays recorded',
    from: 'note[INSTANCE] then game.record, game.set = false, false end',
    to: 'note[INSTANCE] then end',
    killedBy: 'For any other attempt a released game is placed anew at once.',
  },

  // Look up, renew, choose
  {
    name: 'how many sessions have ended is what it was at the begin of the call',
    from: '  if i <= #candidates then\n    all_sessions',
    to: '  if false then\n    all_sessions',
    killedBy: 'What a release takes off the remembered sessions counts for the next request of its call.',
  },
  {
    name: 'a call folds its samples in before what it is asked first',
    from: 'local results, explained = {}, nil',
    to: 'local results, explained = {}, nil\nopen_fleet()',
    killedBy: 'A release counts before the samples that a later request of its call brings.',
  },
  {
    name: 'to look a game up is to ask for it',
    from: 'lookup = lookup, renew',
    to: 'lookup = assign, renew',
    killedBy: 'A look up tells where a game is, and counts nothing.',
  },
  {
    name: 'who looks a game up is told of one that is not there',
    from: "if not game.record then return { 'not_found' } end",
    to: "if not game.record then return { 'found', '\"it\"', false } end",
    killedBy: 'A look up tells where a game is, and counts nothing.',
  },
  {
    name: 'a renewed game gives back its place when it would have without',
    from: '    expire(member_of(game, note), lease_end)\n    --',
    to: '    --',
    killedBy: 'A game that is renewed keeps its place for a whole lease more.',
  },
  {
    name: 'a renewed game is not ours after its first lease',
    from: 'note[EXPIRES], game.written = lease_end, true',
    to: 'game.written = true',
    killedBy: 'A game that is renewed is released as any other.',
  },
  {
    name: 'a server is forgotten while renewed games hold places on it',
    from: "expire('i:' .. id, max(now + KEEP_INSTANCE_S, lease_end))",
    to: '',
    killedBy: 'A server that is not listed for long is remembered while its games are renewed.',
  },
  {
    name: 'a game is renewed after its deadline',
    from: "  if is_late(request) then return { 'late' } end\n  local ttl_ms",
    to: '  local ttl_ms',
    killedBy: 'After its deadline a game is neither renewed nor released, and nothing is chosen.',
  },
  {
    name: 'a game is released after its deadline',
    from: "  if is_late(request) then return { 'late' } end\n  end_lease(game)",
    to: '  end_lease(game)',
    killedBy: 'After its deadline a game is neither renewed nor released, and nothing is chosen.',
  },
  {
    name: 'a server is chosen after the deadline',
    from: "  if is_late(request) then return { 'late' } end\n  open_fleet()",
    to: '  open_fleet()',
    killedBy: 'After its deadline a game is neither renewed nor released, and nothing is chosen.',
  },
  {
    name: 'a server is chosen only in a call that places a game',
    from: "if request.op ~= 'assign' then return request.op == 'choose' end",
    to: "if request.op ~= 'assign' then return false end",
    killedBy: 'A choice is pending like a game.',
  },
  {
    name: 'a choice is not pending',
    from: 'add_new(best, worth.pending, 1)',
    to: '',
    killedBy: 'A choice is pending like a game.',
  },
  {
    name: 'a choice is no session',
    from: 'add_session(best, request.level)',
    to: '',
    killedBy: 'A choice is remembered as a session.',
  },
  {
    name: 'who is full is not chosen',
    from: "local places = limited and request.op == 'assign'",
    to: 'local places = limited',
    killedBy: 'A choice needs no place, and takes none.',
  },
  {
    name: 'to pack passes over who is full also for a choice',
    from: 'if fits and not (places and is_full(i)) then best = i end',
    to: 'if fits and not is_full(i) then best = i end',
    killedBy: 'To pack is to choose the most used up, also where it is full.',
  },

  // Records and reassignment
  {
    name: 'whoever asks again is taken for the same attempt',
    from: 'ours and note[ATTEMPT] == request.attempt or false',
    to: 'ours or false',
    killedBy: 'A game that is recorded stays where it is and counts no second time.',
  },
  {
    name: 'what comes at its deadline is late',
    from: 'request.not_after and now > request.not_after',
    to: 'request.not_after and now >= request.not_after',
    killedBy: 'After its deadline a game is not placed, and one that was is answered.',
  },
  {
    name: 'a game moves only after the end of the grace',
    from: 'view.at >= max(since, placed) + rule.grace_s',
    to: 'view.at > max(since, placed) + rule.grace_s',
    killedBy: 'A game whose server is gone for 30 s moves once, for all who ask.',
  },
  {
    name: 'a game moves by the clock, whatever the time of the view',
    from: 'view.at >= max(since, placed) + rule.grace_s',
    to: 'now >= max(since, placed) + rule.grace_s',
    killedBy: 'A game moves only by a view of the end of the grace that calls its server gone.',
  },
  {
    name: 'a game moves by a view that is older than its record and a grace',
    from: 'max(since, placed) + rule.grace_s',
    to: 'since + rule.grace_s',
    killedBy: 'A view older than the record does not move the game.',
  },
  {
    name: 'a game moves off who was gone, though the view does not say so',
    from: 'view and rule.grace_s > 0 and gone[named_by(game.record) or false] or false',
    to: 'view and rule.grace_s > 0 or false',
    killedBy: 'A game moves only by a view of the end of the grace that calls its server gone.',
  },
  {
    name: 'who is back stays marked',
    from: 'if marks[id] and view.at > marks[id] then marks[id], marks_changed = nil, true end',
    to: '',
    killedBy: 'The grace begins anew when a view that is newer than its begin saw the server back.',
  },
  {
    name: 'a view as old as the mark clears it',
    from: 'if marks[id] and view.at > marks[id] then',
    to: 'if marks[id] and view.at >= marks[id] then',
    killedBy: 'A view that is no newer than the begin of the grace does not end it.',
  },
  {
    name: 'every view begins the grace anew',
    from: 'if not marks[id] and number < MOST_MARKS then',
    to: 'if number < MOST_MARKS then',
    killedBy: 'A game whose server is gone for 30 s moves once, for all who ask.',
  },
  {
    name: 'nobody is told that the game has moved',
    from: "moves and 'reassigned' or false)",
    to: 'false)',
    killedBy: 'A game whose server is gone for 30 s moves once, for all who ask.',
  },
];
