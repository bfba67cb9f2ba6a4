import { GIB, type GoldenDecision, game, games, at as given, release, server, times } from './golden.ts';

/**
 * What the rule decides near each of its constants, worked out from its definition. All numbers are percent, so an idle
 * server's score is 3 of CPU + 3/4 of RAM = 3.75, and each game on it that no sample shows adds 1 + 1/4 = 1.25.
 *
 * Where a score is to be pinned it stands between two that are known: games go to the least score first, so
 * `'under it over'` says that it lies between the others' (most are half a percent from it).
 */
export const GOLDEN_DECISIONS: readonly GoldenDecision[] = [
  ...scores(),
  ...pendingGames(),
  ...darkServers(),
  ...rememberedSessions(),
  ...learnedCost(),
  ...settingsOfRequests(),
  ...capacity(),
  ...releases(),
  ...lookUps(),
  ...renewals(),
  ...choices(),
  ...records(),
  ...reassignment(),
];

/** A pair of servers with samples of `second`, at these loads of CPU. */
function between(second: number, under: number, over: number) {
  return [server('under', [second, under, 0]), server('over', [second, over, 0])];
}

/** The same with loads of RAM. */
function betweenRam(second: number, under: number, over: number) {
  return [server('under', [second, 0, under]), server('over', [second, 0, over])];
}

/** Each takes one: with 1.25 more, the first is above the last. */
function inOrder(more: Parameters<typeof games>[1] = {}) {
  return games('under it over', more);
}

function scores(): GoldenDecision[] {
  return [
    {
      rule: 'The game itself counts three times, which keeps it off a small server.',
      // (1 + 3)/10 + (0 + 3)/10/4 = 47.5
      steps: [given(0, [server('it', [0, 1, 0], { cores: 10, gib: 10 }), ...between(0, 43.5, 44)], inOrder())],
    },
    {
      rule: 'A game of level low goes by CPU, one of level high by RAM.',
      steps: [
        given(
          0,
          [server('busy-cpu', [0, 60, 30]), server('busy-ram', [0, 30, 60])],
          [...games('busy-ram'), ...games('busy-cpu', { level: 'high' })],
        ),
      ],
    },
    {
      rule: 'The resource that is not wanted weighs a quarter.',
      // 20 + 3 + (77 + 3)/4 = 43
      steps: [given(0, [server('it', [0, 20, 77]), ...between(0, 38.75, 39.75)], inOrder())],
    },
    {
      rule: 'For a game of level high CPU is the one that weighs a quarter.',
      steps: [given(0, [server('it', [0, 77, 20]), ...betweenRam(0, 38.75, 39.75)], inOrder({ level: 'high' }))],
    },
    {
      rule: 'Above 85 % the other resource counts four times more.',
      // 10 + 3 + 90/4 + 4 (90 - 85) = 55.5
      steps: [given(0, [server('it', [0, 10, 87]), ...between(0, 51.25, 52.25)], inOrder())],
    },
    {
      rule: 'Where the other resource is CPU, it counts twice more above 85 %.',
      // 10 + 3 + 90/4 + 2 (90 - 85) = 45.5
      steps: [given(0, [server('it', [0, 87, 10]), ...betweenRam(0, 41.25, 42.25)], inOrder({ level: 'high' }))],
    },
    {
      rule: 'CPU as the other resource is at most used up.',
      // 10 + 3 + 100/4 + 2 (100 - 85) = 68, though 120 are expected
      steps: [given(0, [server('it', [0, 117, 10]), ...betweenRam(0, 63.75, 64.75)], inOrder({ level: 'high' }))],
    },
    {
      rule: 'Just under 85 % the other resource counts nothing more.',
      // 10 + 3 + 84.8/4 = 34.2
      steps: [given(0, [server('it', [0, 10, 81.8]), ...between(0, 30, 31)], inOrder())],
    },
    {
      rule: 'The wanted resource has no limit of its own.',
      // 95 + 3 + 3/4 = 98.75; the others, at 93 % of RAM, 40 + 3 + 93/4 + 4 x 8 = 98.25 and 99.25
      steps: [
        given(0, [server('it', [0, 95, 0]), server('under', [0, 40, 90]), server('over', [0, 41, 90])], inOrder()),
      ],
    },
    {
      rule: 'Each resource is weighed by what there is of it.',
      // 103/200 + 13/50/4 = 58; afterwards 0.5 + 0.5 more
      steps: [given(0, [server('it', [0, 100, 10], { cores: 200, gib: 50 }), ...between(0, 53.75, 54.75)], inOrder())],
    },
    {
      rule: 'A big server takes more games before the next one is less used.',
      // (160 + 3)/400 + 3/400/4 = 40.94, and 0.3125 more with each: four times until it is above 41.95
      steps: [
        given(
          0,
          [server('big', [0, 160, 0], { cores: 400, gib: 400 }), server('small', [0, 38.2, 0])],
          games('big big big big small big big big big small'),
        ),
      ],
    },
    {
      rule: 'Equals take turns, the first in the list first.',
      steps: [given(0, [server('a', [0, 40, 0]), server('b', [0, 40, 0]), server('c', [0, 40, 0])], games('a b c a'))],
    },
  ];
}

function pendingGames(): GoldenDecision[] {
  const it = (second: number, cores = 20) => server('it', [second, cores, 0]);
  /** It alone has got 40 games at 0 s. */
  const forty = given(0, [it(0)], times(40, 'it'));
  return [
    {
      rule: 'A sample shows all of the games that were placed more than a scrape and the window of the rate before it.',
      steps: [forty, given(41, [it(40.001), ...between(40.001, 19.5, 20.5)], inOrder())],
    },
    {
      rule: 'A sample of a scrape and the window of the rate later does not show all of the games yet.',
      // 20 + 40/e^(25/12.5) + 3 + (28/e^5 + 3)/4 = 29.2
      steps: [forty, given(41, [it(40), ...between(40, 25, 25.9)], inOrder())],
    },
    {
      rule: 'Frozen metrics never forget the games that they do not show.',
      // 20 + 3.75 + 10 x 1.25 = 36.25
      steps: [given(0, [it(0)], times(10, 'it')), given(300, [it(0), ...between(0, 32, 33)], inOrder())],
    },
    {
      rule: 'A sample shows nothing of the CPU of the games just placed, and 30 % of their RAM.',
      // 20 + 40 + 3 + (28 + 3)/4 = 70.75
      steps: [forty, given(10, [it(10), ...between(10, 66.5, 67.5)], inOrder())],
    },
    {
      rule: 'For a game of level high, too, a sample shows 30 % of the RAM of the games just placed and nothing of their CPU.',
      // 28 + 3 + (20 + 40 + 3)/4 = 46.75
      steps: [forty, given(10, [it(10), ...betweenRam(10, 42.5, 43.5)], inOrder({ level: 'high' }))],
    },
    {
      rule: 'The CPU of pending games shows over 12.5 s and their RAM over 5 s, between the times of two samples.',
      // 5 s between them: 20 + 40 e^(-0.4) + 3 + (28 e^-1 + 3)/4 = 53.14, whatever the clock says.
      steps: [
        forty,
        given(10, [it(10)], games('it')),
        // One more since, so 41 and 28.7: 20 + 40 e^(-0.4) + 1 + 3 + (28 e^-1 + 0.7 + 3)/4 = 54.31
        given(200, [it(15), ...between(15, 50.1, 51)], inOrder()),
      ],
    },
    {
      rule: 'For a game of level high, too, the RAM of pending games shows over 5 s.',
      // 28 e^-1 + 0.7 + 3 + (20 + 40 e^(-0.4) + 1 + 3)/4 = 26.70; so soon nothing is learned yet
      steps: [
        forty,
        given(10, [it(10)], games('it')),
        given(24, [it(15), ...betweenRam(15, 22.5, 23.4)], inOrder({ level: 'high' })),
      ],
    },
    {
      rule: 'The CPU of pending games shows over 7.5 s and half of what the window is longer than a scrape.',
      config: { scrapeIntervalS: 10, cpuWindowS: 55 },
      // 7.5 + 45/2 = 30. 30 s later, 20 of them idle: 20 + 40 e^-1 + e^(-2/3) + 3 + (28 e^-6 + 0.7 e^-4 + 3)/4 = 39.00
      steps: [forty, given(10, [it(10)], games('it')), given(40, [it(40), ...between(40, 34.75, 35.75)], inOrder())],
    },
    {
      rule: 'The CPU of pending games shows over at least 5 s, however short the window.',
      config: { scrapeIntervalS: 30, cpuWindowS: 20 },
      // 20 + 40 e^-1 + 1 + 3 + (28 e^-1 + 0.7 + 3)/4 = 42.22
      steps: [forty, given(10, [it(10)], games('it')), given(15, [it(15), ...between(15, 38, 39)], inOrder())],
    },
    {
      rule: 'What was placed more than a scrape before the sample is partly visible in it.',
      // 12.5 s more than a scrape: 20 + 40 e^-1 + 3 + (28 e^-2.5 + 3)/4 = 39.04
      steps: [forty, given(28, [it(27.5), ...between(27.5, 34.8, 35.8)], inOrder())],
    },
    {
      rule: 'What was placed a scrape before the sample is not visible in it at all.',
      steps: [forty, given(16, [it(15), ...between(15, 66.5, 67.5)], inOrder())],
    },
    {
      rule: 'How long before the sample games were placed counts from the last of them, and not from the first.',
      steps: [
        given(0, [it(0)], games('it')),
        given(100, [it(100)], times(40, 'it')),
        given(128, [it(127.5), ...between(127.5, 34.8, 35.8)], inOrder()),
      ],
    },
    {
      rule: 'A view that is older than another takes nothing back.',
      // 60 as the newer view saw it, 3.75 and a game
      steps: [given(10, [it(10, 60)], games('it')), given(12, [it(5, 10), ...between(10, 61, 61.5)], inOrder())],
    },
    {
      rule: 'Whichever call sees a sample first reckons with it, also when its game goes elsewhere.',
      // It is that of 10 s then, so that at 15 s: 20 + 40 e^(-0.4) + 3 + (28 e^-1 + 3)/4 = 53.14
      steps: [
        forty,
        given(10, [it(10), server('idle', [10, 0, 0])], games('idle')),
        given(24, [it(15), ...between(15, 49, 49.8)], inOrder()),
      ],
    },
    {
      rule: 'The same sample again makes nothing of the games visible.',
      // 20 + 3.75 + 10 x 1.25, for a game of level high 3 + 10 + (20 + 3 + 10)/4 = 21.25
      steps: [
        given(0, [it(0)], times(10, 'it')),
        given(5, [it(0), ...betweenRam(0, 17, 18)], inOrder({ level: 'high' })),
      ],
    },
  ];
}

function darkServers(): GoldenDecision[] {
  /** Two with metrics, at 40 and 60 % of CPU; of two the 90th percentile is the greater. */
  const known = (second: number) => [server('k40', [second, 40, 0]), server('k60', [second, 60, 0])];
  const it = (second: number, cores = 10) => server('it', [second, cores, 0]);
  const silent = server('it');
  /** Ten steps of CPU, 40 to 50 %: the 90th percentile is the tenth, at 49. */
  const eleven = (second: number) => Array.from({ length: 11 }, (_, i) => server(`k${40 + i}`, [second, 40 + i, 0]));
  return [
    {
      rule: 'A sample three scrapes older than the newest is still believed, an older one is not.',
      // At first it is 10 + 3.75 and then 1.25 more; no longer believed it counts like k60.
      steps: [
        given(0, [it(0), ...known(0)], games('it')),
        given(46, [it(0), ...known(45)], games('it')),
        given(47, [it(0), ...known(45.5)], games('k40')),
      ],
    },
    {
      rule: 'With a scrape every 5 s a sample is believed until it is 15 s older than the newest.',
      config: { scrapeIntervalS: 5, cpuWindowS: 20 },
      steps: [
        given(0, [it(0), ...known(0)], games('it')),
        given(16, [it(0), ...known(15)], games('it')),
        given(17, [it(0), ...known(15.5)], games('k40')),
      ],
    },
    {
      rule: 'The newest sample of the whole answer counts, also when it is of none of the candidates.',
      steps: [
        given(0, [it(0), ...known(0)], games('it')),
        given(46, [it(0), ...known(1)], games('it'), { newest: 45 }),
        given(47, [it(0), ...known(1)], games('k40'), { newest: 45.5 }),
      ],
    },
    {
      rule: 'Who is missing from an answer is believed until that is more than 5 s newer than its sample.',
      steps: [
        given(0, [it(0), ...known(0)], games('it')),
        given(6, [silent, ...known(5)], games('it')),
        given(7, [silent, ...known(5.001)], games('k40')),
      ],
    },
    {
      rule: 'Who is in the answer is believed, though its sample is older than others.',
      steps: [given(0, [it(0), ...known(0)], games('it')), given(31, [it(0), ...known(30)], games('it'))],
    },
    {
      rule: 'A sample is believed for 600 s of the clock.',
      steps: [
        given(0, [it(0), ...known(30)], games('it')),
        given(600, [it(0), ...known(30)], games('it')),
        given(600.001, [it(0), ...known(30)], games('k40')),
      ],
    },
    {
      rule: 'A newcomer counts like the median at first, and as less from second to second for a minute.',
      // Five are known, so the median is the third: 43.75. After 30 s that is half: 21.875.
      steps: [
        given(0, [...between(0, 17.6, 18.4), ...known(0), server('k80', [0, 80, 0])], games('under')),
        given(99, [...between(99, 17.6, 18.4), ...known(99), server('k80', [99, 80, 0]), silent], games('under')),
        given(
          129,
          [...between(129, 17.6, 18.4), ...known(129), server('k80', [129, 80, 0]), silent],
          games('under it'),
        ),
      ],
    },
    {
      rule: 'A newcomer is one like any other after 60 s.',
      // 3.75, and with a game 1.4 x 1.25 more = 5.5; before that 43.75/60 = 0.73 only
      steps: [
        given(0, [server('k1', [0, 1.4, 0]), ...known(0)], games('k1')),
        given(100, [server('k1', [100, 1.4, 0]), ...known(100), silent], games('k1')),
        given(160, [server('k1', [160, 1.4, 0]), ...known(160), silent], games('it k1')),
      ],
    },
    {
      rule: 'In the first call of a service those without metrics have been there for a minute.',
      // 3.75, and 1.4 x 1.25 with each: six times until it is above 13.75
      steps: [given(0, [silent, server('k10', [0, 10, 0]), ...known(0)], games('it it it it it it k10'))],
    },
    {
      rule: 'In the second call of a service one without metrics is a newcomer.',
      steps: [
        given(0, known(0), games('k40')),
        given(1, [silent, server('k10', [0, 10, 0]), ...known(0)], games('k10')),
      ],
    },
    {
      rule: 'Of two the median is the greater.',
      steps: [
        given(0, known(0), games('k40')),
        given(1, [silent, server('k10', [0, 10, 0]), server('k80', [0, 80, 0])], games('k10')),
      ],
    },
    {
      rule: 'In the first call of a service metrics have been missing for a minute, so that the last of them count.',
      steps: [given(0, [it(-46), ...known(0)], games('it'))],
    },
    {
      rule: 'Whose metrics end counts like the 90th percentile of those that are known.',
      steps: [
        given(0, [it(0), ...eleven(0)], games('it')),
        given(
          46,
          [server('k51', [46, 51, 0]), it(0), ...eleven(46).slice(1)],
          [
            // Now 41 to 51, so 50 is the tenth.
            game('it', { tiers: [['k51', 'it']] }),
            game('k49', { tiers: [['it', 'k49']] }),
          ],
        ),
      ],
    },
    {
      rule: 'Of ten the 90th percentile is the greatest.',
      steps: [
        given(0, [it(0), ...eleven(0).slice(1)], games('it')),
        given(46, [it(0), ...eleven(46).slice(1)], [game('k49', { tiers: [['it', 'k49']] })]),
      ],
    },
    {
      rule: 'Whose metrics end counts like the 90th percentile for less than 60 s, and then by its last sample.',
      // 40 + 3.75 and a game of 1.25 each, for it 39 + 3.75 + 1.25
      steps: [
        given(0, [it(0, 39), ...known(0)], games('it')),
        given(100, [server('it'), ...known(100)], games('k40')),
        given(159.999, [server('it'), ...known(159)], games('k40')),
        given(160, [server('it'), ...known(159)], games('it')),
      ],
    },
    {
      rule: 'Whose last sample was worse than the 90th percentile counts by that.',
      steps: [
        given(0, [it(0, 70), ...known(0)], games('k40')),
        given(100, [silent, ...known(100)], [game('k60', { tiers: [['it', 'k60']] })]),
      ],
    },
    {
      rule: 'The last sample counts as it is until 600 s after metrics ended, also when that makes a server look idle.',
      // 20 games came, and the sample at 100 s shows that they need little: 5 + 2 + 3 + 5/4 = 11.25 with two more since.
      // By its sessions it would be (1.4 x 9.2 + 3) x 1.25 = 20, which is what counts in the end.
      steps: [
        given(0, [it(0, 0)], times(20, 'it')),
        given(100, [it(100, 5)], games('it')),
        given(200, [silent], games('it'), { newest: 200 }),
        given(800, [silent, ...between(800, 12, 20)], games('it')),
        given(800.001, [silent, ...between(800, 12, 20)], games('under')),
      ],
    },
    {
      rule: 'From 600 s after metrics ended the last sample is forgotten over 900 s.',
      // 900 s later: 83.75/e = 30.81
      steps: [
        given(0, [it(0, 80), ...known(0)], games('k40')),
        given(100, [silent, ...known(100)], games('k40')),
        given(1600, [silent, ...between(1600, 26.6, 27.4)], inOrder()),
      ],
    },
    {
      rule: 'Whose metrics end again after a sample counts like one whose metrics end for the first time.',
      // From 200 s on they are missing anew, so that at 210 s it counts like k60.
      steps: [
        given(0, [it(0), ...known(0)], games('it')),
        given(100, [silent, ...known(100)], games('k40')),
        given(130, [it(130), ...known(130)], games('it')),
        given(200, [silent, ...known(200)], games('k40')),
        given(210, [silent, ...known(210)], games('k40')),
      ],
    },
    {
      rule: 'An older view, in which it is not missing, makes a server whose metrics ended no less dark.',
      // From 100 s on they are missing: 65 s later its last sample counts.
      steps: [
        given(98, [it(98), ...known(98)], games('it')),
        given(104, [silent, ...known(104)], games('k40')),
        given(114, [silent, server('k40', [103, 40, 0])], games('it')),
        given(120, [silent, ...known(120)], games('k40')),
        given(165, [silent, ...known(165)], games('it')),
      ],
    },
    {
      rule: 'Who is dark is none of those that the median and the 90th percentile are of.',
      // it, dark since 100 s, had 90: were it counted, k60 would be the median
      steps: [
        given(0, [it(0, 90), ...known(0), server('k20', [0, 20, 0])], games('k20')),
        given(100, [silent, ...known(100), server('k20', [100, 20, 0])], games('k20')),
        given(
          101,
          [silent, ...known(100), server('k20', [100, 20, 0]), server('new')],
          [game('new', { tiers: [['k60', 'new']] })],
        ),
      ],
    },
  ];
}

function rememberedSessions(): GoldenDecision[] {
  const it = server('it');
  const wide = server('it', undefined, { cores: 200, gib: 50 });
  return [
    {
      rule: 'Without any metrics a session counts 1.4 times, and the game itself thrice.',
      // 1 s later: 1.4 x 20 e^(-1/900) x 0.9994 + 3 = 30.95, x 1.25 = 38.69
      steps: [given(0, [it], times(20, 'it')), given(1, [it, ...between(1, 34.5, 35.4)], inOrder())],
    },
    {
      rule: 'The other resource of remembered sessions weighs a quarter, each by what there is of it.',
      // 200 cores and 50 GiB: 30.95/200 + 30.95/50/4 = 30.95
      steps: [given(0, [wide], times(20, 'it')), given(1, [wide, ...between(1, 26.8, 27.6)], inOrder())],
    },
    {
      rule: 'For a game of level high the CPU of remembered sessions weighs a quarter.',
      // 30.95/50 + 30.95/200/4 = 65.77
      steps: [
        given(0, [wide], times(20, 'it')),
        given(1, [wide, ...betweenRam(1, 61.6, 62.4)], inOrder({ level: 'high' })),
      ],
    },
    {
      rule: 'Sessions are forgotten over 900 s.',
      // The fleet's load says that games live for long. 900 s later: (1.4 x 20/e + 3) x 1.25 = 16.63
      steps: [given(0, [it], times(20, 'it')), given(900, [it, ...between(900, 12.5, 13.3)], inOrder())],
    },
    {
      rule: 'Remembered sessions count for as long as games seem to live by the load of CPU.',
      // The averages are 5.77 cores, 17.1 sessions: games live 900 (5.77 + 5)/(17.1 + 10) = 357 s, so that 0.576 counts of
      // 10 e^-1: (1.4 x 3.68 x 0.576 + 3) x 1.25 = 7.47
      steps: [
        given(0, [crowd(0, 0)], times(60, 'crowd')),
        given(1, [it], times(10, 'it')),
        given(900, [it, crowd(900, 0), ...between(900, 3.65, 3.78)], inOrder()),
      ],
    },
    {
      rule: 'Remembered sessions count for as long as games seem to live by the load of RAM.',
      steps: [
        given(0, [crowd(0, 0)], times(60, 'crowd')),
        given(1, [it], times(10, 'it')),
        given(900, [it, crowd(900, 0), ...betweenRam(900, 3.65, 3.78)], inOrder({ level: 'high' })),
      ],
    },
    {
      rule: 'How long games seem to live by a resource goes by the sessions of that resource.',
      config: { gameCost: { low: { cpuCores: 1, memoryBytes: GIB }, high: { cpuCores: 1, memoryBytes: 5000 * GIB } } },
      // The same as by the load of CPU: that each game is 5000 sessions of RAM makes no difference.
      steps: [
        given(0, [crowd(0, 0)], times(60, 'crowd', { level: 'high' })),
        given(1, [it], times(10, 'it')),
        given(900, [it, crowd(900, 0), ...between(900, 3.65, 3.78)], inOrder()),
      ],
    },
    {
      rule: 'Games seem to live 30 s at least.',
      config: {
        gameCost: { low: { cpuCores: 1, memoryBytes: GIB }, high: { cpuCores: 5000, memoryBytes: 5000 * GIB } },
      },
      // 5000 sessions, of which there is no load to see: 1.4 x 60/e x 30/(900 x 0.632) + 3 = 4.63, x 1.25 = 5.79
      steps: [
        given(0, [crowd(0, 0)], games('crowd', { level: 'high' })),
        given(1, [it], times(60, 'it')),
        given(900, [it, crowd(900, 0), ...between(900, 1.95, 2.15)], games('under it it')),
      ],
    },
  ];
}

/** So small that games go there only while it is alone: then 60 of them. */
function crowd(second: number, cores: number, gib = 0) {
  return server('crowd', [second, cores, gib], { cores: 1, gib: 1 });
}

/** Idle, and so small that its score is what a game costs: 3 c/30 + 3/30/4 = 10 c + 2.5. For others it is 3 c + 0.75. */
function small(second: number, id = 'it') {
  return server(id, [second, 0, 0], { cores: 30, gib: 30 });
}

function learnedCost(): GoldenDecision[] {
  const crowded = given(0, [crowd(0, 0)], times(60, 'crowd'));
  // 300 s later 43 sessions are left. Of all that was seen then, averages hold 1 - e^(-300/600) = 0.393: 16.9 sessions.
  const k30 = (second: number) => server('k30', [second, 30, 0]);
  const crowdOfServers = (count: number) => [
    ...[small(300), crowd(300, 900), k30(300)],
    ...Array.from({ length: count - 3 }, (_, i) => server(`busy-${i}`, [300, 95, 0])),
  ];
  const medium = server('it', [300, 0, 0], { cores: 60, gib: 60 });
  const k13 = (second: number) => server('k13', [second, 13, 0]);
  const other = server('other', [100, 0, 0], { cores: 1, gib: 1 });
  const dark = server('dark', [5, 500, 0], { cores: 1, gib: 1 });
  return [
    {
      rule: 'A game costs twice the load by the sessions that show it, with ten games of the configured cost for a prior.',
      // (2 x 0.393 x (50 + 22.3 + 23.3) + 10)/(16.9 + 10) = 3.17; of RAM, which nobody uses, 10/(16.9 + 10) = 0.37:
      // 10 x 3.17 + 10 x 0.37/4 = 32.6, and 22.3 + 3 x 3.17 + 3 x 0.37/4 = 32.1
      steps: [crowded, given(300, [small(300), crowd(300, 50), ...between(300, 22.3, 23.3)], inOrder())],
    },
    {
      rule: 'The cost of RAM is learned as that of CPU is.',
      steps: [
        crowded,
        given(300, [small(300), crowd(300, 0, 50), ...betweenRam(300, 22.3, 23.3)], inOrder({ level: 'high' })),
      ],
    },
    {
      rule: 'A game that no sample shows yet never costs less than what is configured.',
      // 1 + 1/4 more, so that the next one goes to the other; as games are seen to cost it were 0.5 + 0.4/4.
      steps: [crowded, given(300, [crowd(300, 1), ...between(300, 2, 2.9)], games('under over'))],
    },
    {
      rule: 'The game itself costs what games have proved to cost, where that is less than what is configured.',
      // 0.47 and, of RAM, 0.37: of 60 cores 2.35 + 0.46, of 100 it is 0.7 + 1.41 + 0.28; as configured it were 6.25 and 4.45
      steps: [crowded, given(300, [medium, crowd(300, 1), ...between(300, 0.7, 1.7)], inOrder())],
    },
    {
      rule: 'A game never costs more than ten times what is configured.',
      // 30/60 + 0.46 = 50.46, and 20 + 30 + 0.28
      steps: [crowded, given(300, [medium, crowd(300, 900), ...between(300, 20, 21)], inOrder())],
    },
    {
      rule: 'The configured cost holds while there are fewer sessions of ours than servers with metrics.',
      // 16.9 are enough for 16 servers, where it would be 10 x 10 and more, and not for 17.
      steps: [crowded, given(300, crowdOfServers(16), games('k30')), given(301, crowdOfServers(17), games('it'))],
    },
    {
      rule: 'The cost is learned again after 15 s, and not before.',
      // At most 12.5, and 10 x 2.36 and more when it is learned that the crowd uses a lot
      steps: [
        crowded,
        given(300, [small(300, 'a'), crowd(300, 0), k13(300)], games('a')),
        given(314.999, [small(314, 'b'), crowd(314, 900), k13(314)], games('b')),
        given(315, [small(314, 'c'), crowd(314, 900), k13(314)], games('k13')),
      ],
    },
    {
      rule: 'What was learned fades over 600 s.',
      // Of 0.393 x 201 cores and 16.9 sessions e^-1 is left, and 0.632 of 39.1 + 40.1 and of 22.1 sessions comes: c = 5.58
      steps: [
        crowded,
        given(300, [crowd(300, 200), server('k1', [300, 1, 0])], games('k1')),
        given(900, [small(900), crowd(900, 0), ...between(900, 39.1, 40.1)], inOrder()),
      ],
    },
    {
      rule: 'Games that no sample shows yet are no sessions to learn from.',
      // 12.5 against 16.75; with a cost of 2.2 it would be 24.7 against 20.4
      steps: [given(0, [crowd(0, 50)], times(60, 'crowd')), given(300, [small(0), crowd(0, 50), k13(0)], games('it'))],
    },
    {
      rule: 'Games of which no CPU is pending are sessions to learn its cost from.',
      // Expected to use next to no CPU: the cost of it is 2.3, 25.4 against 20.6.
      steps: [
        given(0, [crowd(0, 50)], times(60, 'crowd', { expected: { cpuCores: 0.01, exact: true } })),
        given(300, [small(0), crowd(0, 50), k13(0)], games('k13')),
      ],
    },
    {
      rule: 'Games that a sample does not fully show are no sessions to learn from.',
      steps: [
        crowded,
        given(11, [crowd(10, 50)], games('crowd')),
        given(300, [small(10), crowd(10, 50), k13(10)], games('it')),
      ],
    },
    {
      rule: 'Where more games are not shown than sessions are left, they take nothing from the sessions of other servers.',
      // Metrics stand still from 100 s on: 60 of the other's games are pending, though of their sessions 34 are left. With
      // the crowd's 30.8 the cost is 3.6, 10 x 3.6 + 2.5 against 20 + 3 x 3.6 + 0.75; without it were 12.5 against 23.75.
      steps: [
        crowded,
        given(100, [other], times(60, 'other')),
        given(600, [small(100), other, crowd(100, 50), server('k20', [100, 20, 0])], games('k20')),
      ],
    },
    {
      rule: 'Nothing is learned from a server that is dark.',
      steps: [
        crowded,
        given(5, [dark], games('dark')),
        given(300, [small(300), crowd(300, 50), dark, ...between(300, 22.3, 23.3)], inOrder()),
      ],
    },
  ];
}

function settingsOfRequests(): GoldenDecision[] {
  const crowded = given(0, [crowd(0, 0)], times(60, 'crowd'));
  const it = server('it', [0, 0, 0], { cores: 20, gib: 20 });
  const fourCores = { cpuCores: 4, exact: false };
  const fourOfBoth = { ...fourCores, memoryBytes: 4 * GIB };
  const levels = {
    gameCost: {
      low: { cpuCores: 0.5, memoryBytes: 0.5 * GIB },
      high: { cpuCores: 1, memoryBytes: 2 * GIB },
    },
  };
  const k = (cores: number, second = 0) => server(`k${cores}`, [second, cores, 0]);
  return [
    {
      rule: 'What a game is expected to use counts twice, and what is not said as usual.',
      // (8 + 3/4)/20 = 43.75, for others 8 + 3/4
      steps: [given(0, [it, ...between(0, 34.5, 35.5)], inOrder({ expected: fourCores }))],
    },
    {
      rule: 'What RAM a game is expected to use counts twice as well.',
      // (3 + 8/4)/20 = 25, for others 3 + 8/4
      steps: [given(0, [it, ...between(0, 19.5, 20.5)], inOrder({ expected: { memoryBytes: 4 * GIB, exact: false } }))],
    },
    {
      rule: 'What a game is expected to use exactly counts once.',
      // (4 + 3/4)/20 = 23.75, for others 4 + 3/4
      steps: [given(0, [it, ...between(0, 18.5, 19.5)], inOrder({ expected: { ...fourCores, exact: true } }))],
    },
    {
      rule: 'What a game is expected to use counts on a server without samples, too.',
      // As above: (8 + 3/4)/20 = 43.75
      steps: [
        given(
          0,
          [server('it', undefined, { cores: 20, gib: 20 }), ...between(0, 34.5, 35.5)],
          inOrder({ expected: fourCores }),
        ),
      ],
    },
    {
      rule: 'What a game is expected to use is cores and bytes, whatever a game costs by now.',
      // (4 + 2/4)/30 = 15, for others 4 + 2/4; as many games' worth of 3.1 cores it were more than they have.
      steps: [
        crowded,
        given(
          300,
          [small(300), crowd(300, 50), ...between(300, 10, 11)],
          inOrder({ expected: { cpuCores: 4, memoryBytes: 2 * GIB, exact: true } }),
        ),
      ],
    },
    {
      rule: 'A game is pending with what it was expected to use.',
      // 20 + 8 + 3 + (8 + 3)/4 = 33.75
      steps: [
        given(0, [server('it', [0, 20, 0])], games('it', { expected: fourOfBoth })),
        given(1, [server('it', [0, 20, 0]), ...between(0, 29.5, 30.5)], inOrder()),
      ],
    },
    {
      rule: 'Whatever a game is expected to use, it is one session.',
      steps: [
        given(0, [server('it')], times(20, 'it', { expected: fourOfBoth })),
        given(1, [server('it'), ...between(1, 34.5, 35.4)], inOrder()),
      ],
    },
    {
      rule: 'A game of level high counts three times what is configured for it.',
      config: levels,
      // (6 + 3/4)/20 = 33.75, for others 6 + 3/4
      steps: [given(0, [it, ...betweenRam(0, 26.5, 27.5)], inOrder({ level: 'high' }))],
    },
    {
      rule: 'A game of level high is pending with what is configured for it.',
      config: levels,
      // 5 x 1 + 1.5 + (5 x 2 + 1.5)/4 = 9.375, for others 1.5 + 1.5/4
      steps: [
        given(0, [server('it', [0, 0, 0])], times(5, 'it', { level: 'high' })),
        given(1, [server('it', [0, 0, 0]), ...between(0, 7.3, 7.7)], inOrder()),
      ],
    },
    {
      rule: 'Where only the CPU of a game is stated, its RAM counts as configured for its level.',
      config: levels,
      // (6 + 8/4)/20 = 40, for others 6 + 8/4
      steps: [given(0, [it, ...betweenRam(0, 31.5, 32.5)], inOrder({ level: 'high', expected: fourCores }))],
    },
    {
      rule: 'Where only the CPU of a game is stated, it is pending with the RAM configured for its level.',
      config: levels,
      // 5 x 8 + 1.5 + (5 x 2 + 1.5)/4 = 44.375, for others 1.5 + 1.5/4
      steps: [
        given(0, [server('it', [0, 0, 0])], times(5, 'it', { level: 'high', expected: fourCores })),
        given(1, [server('it', [0, 0, 0]), ...between(0, 42.3, 42.7)], inOrder()),
      ],
    },
    {
      rule: 'A game of level high is remembered as so many sessions of what is configured for level low.',
      config: levels,
      // Twice the CPU and four times the RAM: half of 1.4 x 10 x 0.998 + 3 + (1.4 x 20 x 0.998 + 3)/4, so 12.36
      steps: [
        given(0, [server('it')], times(5, 'it', { level: 'high' })),
        given(1, [server('it'), ...between(1, 10.2, 10.75)], inOrder()),
      ],
    },
    {
      rule: 'A tier is left when everyone in it is full, and never for one that is less used.',
      steps: [
        given(
          0,
          [k(10), server('best', [0, 50, 0], { maxGames: 1 }), server('better', [0, 60, 0], { maxGames: 1 }), k(5)],
          games('best better k10 k10', { tiers: [['better', 'best'], ['k10']] }),
        ),
      ],
    },
    {
      rule: 'Who is in no tier gets nothing.',
      steps: [
        given(
          0,
          [k(10), server('full', [0, 50, 0], { maxGames: 1 })],
          [
            ...games('full no_capacity', { tiers: [['full'], []] }),
            ...games('no_candidate', { tiers: [[], []] }),
            ...games('no_candidate', { tiers: [] }),
          ],
        ),
      ],
    },
    {
      rule: 'To pack is to take the most used up to a score of 75 %.',
      // 74.95 and 75.05; then 76.2
      config: { strategy: 'pack' },
      steps: [given(0, [k(10), k(71.3), k(71.2), k(40), k(80)], games('k71.2 k40'))],
    },
    {
      rule: 'To pack is to take the most used up to the score that is configured, when a request asks for it.',
      config: { packCeiling: 0.5 },
      steps: [
        given(0, [k(10), k(46.3), k(46.2), k(40)], [...games('k46.2 k40', { strategy: 'pack' }), ...games('k10')]),
      ],
    },
    {
      rule: 'Where nobody is under the ceiling, to pack is to spread, and those without samples come last.',
      config: { strategy: 'pack' },
      steps: [given(0, [server('dark'), k(80), k(75)], games('k75')), given(1, [server('dark')], games('dark'))],
    },
    {
      rule: 'To pack takes the first of equals.',
      config: { strategy: 'pack' },
      steps: [given(0, [server('a', [0, 40, 0]), server('b', [0, 40, 0])], games('a a'))],
    },
    {
      rule: 'To pack passes over who is full.',
      config: { strategy: 'pack' },
      steps: [given(0, [server('full', [0, 60, 0], { maxGames: 1 }), k(40), k(10)], games('full k40 k40'))],
    },
    {
      rule: 'To pack leaves out those without samples, however used they look.',
      config: { strategy: 'pack' },
      steps: [given(0, [server('dark', [-46, 60, 0]), k(40)], games('k40'))],
    },
  ];
}

function capacity(): GoldenDecision[] {
  const two = (second = 0) => server('two', [second, 10, 0], { maxGames: 2 });
  const idle = (second = 0) => server('idle', [second, 0, 0]);
  return [
    {
      rule: 'A full server gets nothing, however idle, and a free one everything, however busy.',
      steps: [
        given(0, [two(), server('one', [0, 95, 0], { maxGames: 1 })], games('two two one no_capacity no_capacity')),
      ],
    },
    {
      rule: 'Games that came while it had no limit count.',
      steps: [given(0, [server('two', [0, 10, 0])], games('two')), given(1, [two()], games('two no_capacity'))],
    },
    {
      rule: 'A place is free again when its lease ends, and not before.',
      config: { leaseTtlS: 100 },
      steps: [
        given(0, [two()], games('two')),
        given(10, [two()], games('two')),
        given(99.999, [two()], games('no_capacity')),
        given(100, [two()], games('two no_capacity')),
        given(109.999, [two()], games('no_capacity')),
        given(110, [two()], games('two no_capacity')),
      ],
    },
    {
      rule: 'A place is free at once when its game is released, and not a second time when its lease would have ended.',
      steps: [
        given(0, [two()], [game('two', { gameId: 'g1' }), game('two', { gameId: 'g2' })]),
        given(1, [two()], games('no_capacity')),
        release(10, { g1: 'released' }),
        given(11, [two()], games('two no_capacity')),
        // The lease of g2 ends, and then that of the third.
        given(70, [two(60)], games('two no_capacity')),
        given(81, [two(75)], games('two no_capacity')),
      ],
    },
    {
      rule: 'A service has no more games than it may have, whatever room there is, and takes another when one ends.',
      config: { mostGames: 2, leaseTtlS: 100 },
      steps: [
        given(0, [idle()], [game('idle', { gameId: 'g1' })]),
        given(10, [idle()], games('idle too_many_games')),
        given(11, [idle()], [game('idle, recorded', { gameId: 'g1' }), game('idle, chosen', { op: 'choose' })]),
        release(20, { g1: 'released' }),
        given(21, [idle()], games('idle too_many_games')),
        // The lease of the second game ends, and not yet that of the third.
        given(109.999, [idle(105)], games('too_many_games')),
        given(110, [idle(105)], games('idle too_many_games')),
      ],
    },
    {
      rule: 'A game moves from a server that is gone also where the service has as many games as it may have.',
      config: { mostGames: 1 },
      steps: [
        given(0, [idle()], [game('idle', { gameId: 'g1' })]),
        given(1, [server('other', [0, 10, 10])], games('too_many_games'), {
          presence: { second: 1, gone: ['idle'] },
        }),
        given(40, [server('other', [0, 10, 10])], [game('other, reassigned', { gameId: 'g1' })], {
          presence: { second: 40, gone: ['idle'] },
        }),
        given(41, [server('other', [0, 10, 10])], games('too_many_games')),
        release(42, { g1: 'released' }),
        given(43, [server('other', [0, 10, 10])], games('other too_many_games')),
      ],
    },
    {
      rule: 'Leases that are found to have ended stay so when the game goes elsewhere.',
      steps: [
        given(0, [two()], games('two two')),
        given(70, [two(), server('idle', [0, 0, 0])], games('idle')),
        given(71, [two()], games('two two no_capacity')),
      ],
    },
    {
      rule: 'The leases of a server end also while it is not listed.',
      steps: [
        given(0, [two()], games('two two')),
        given(69, [server('one', [69, 10, 0], { maxGames: 1 })], games('one no_capacity')),
        given(70, [server('one', [69, 10, 0], { maxGames: 1 })], games('no_capacity')),
        given(71, [two()], games('two two no_capacity')),
      ],
    },
    {
      rule: 'Who holds a place and is asked for again takes no other.',
      steps: [
        given(0, [two()], [game('two', { gameId: 'g1' })]),
        given(1, [two()], [game('two, recorded', { gameId: 'g1' }), ...games('two no_capacity')]),
        given(2, [two()], [game('two, recorded', { gameId: 'g1' })]),
      ],
    },
  ];
}

function releases(): GoldenDecision[] {
  const it = (second: number) => server('it', [second, 20, 0]);
  const ids = ['g1', 'g2', 'g3', 'g4'];
  const four = ids.map((gameId) => game('it', { gameId }));
  const releaseFour = (second: number) => release(second, Object.fromEntries(ids.map((id) => [id, 'released'])));
  return [
    {
      rule: 'A released game is no longer pending.',
      // 20 + 3.75 + 6 x 1.25 = 31.25
      steps: [
        given(0, [it(0)], [...four, ...times(6, 'it')]),
        releaseFour(1),
        given(2, [it(0), ...between(0, 27, 28)], inOrder()),
      ],
    },
    {
      rule: 'A released game that a sample has shown in part is taken off the games since it, which may be less than none.',
      // 20 + (10 - 4) + 3 + (7 - 4 + 3)/4 = 30.5
      steps: [
        given(0, [it(0)], [...four, ...times(6, 'it')]),
        given(11, [it(10)], games('it')), // the call that sees the sample
        releaseFour(12),
        // One more: 31.75
        given(13, [it(10), ...between(10, 27.5, 28.5)], inOrder()),
      ],
    },
    {
      rule: 'A release frees no CPU, as the other resource, where all of it was in use.',
      // 10 + (1 - 4) + 3 of RAM, 100/4 + 2 (100 - 85) of CPU = 65, though 97.4 of CPU are expected
      steps: [
        given(0, [server('it', [0, 97, 10])], four),
        given(46, [server('it', [45, 97, 10])], times(1, 'it')),
        releaseFour(47),
        given(48, [server('it', [45, 97, 10]), ...betweenRam(45, 60.75, 61.75)], inOrder({ level: 'high' })),
      ],
    },
    {
      rule: 'A released game takes off the remembered sessions what is left of its own.',
      // Of 20 sessions 4 go, of the 80 of all servers too, so that each of the others stands for 80/76 that have not
      // ended as far as anybody knows: (1.4 x 16/e x 80/76 + 3) x 1.25 = 14.59
      config: { leaseTtlS: 3600 },
      steps: [
        given(0, [server('other')], times(60, 'other')),
        given(0, [server('it')], [...four, ...times(16, 'it')]),
        releaseFour(900),
        given(900, [server('it'), ...between(900, 10.4, 11.2), server('other')], inOrder()),
      ],
    },
    {
      rule: 'What a release takes off the remembered sessions counts for the next request of its call.',
      // As above: 14.57, with one session more among all
      config: { leaseTtlS: 3600 },
      steps: [
        given(0, [server('other')], times(60, 'other')),
        given(0, [server('it')], [...four, ...times(16, 'it')]),
        given(
          900,
          [server('it'), ...between(900, 10.4, 11.2), server('other'), server('first', [900, 50, 0])],
          [
            ...games('first', { tiers: [['first']] }),
            ...ids.map((gameId) => game('released', { op: 'release', gameId })),
            ...inOrder({ tiers: [['under', 'it', 'over']] }),
          ],
        ),
      ],
    },
    {
      rule: 'A release counts before the samples that a later request of its call brings.',
      // As if it had come alone: 6 of 10 games are left for the sample to be without, 20 + 6 + 3 + (0.7 x 6 + 3)/4 = 30.8
      steps: [
        given(0, [it(0)], [...four, ...times(6, 'it')]),
        given(
          11,
          [it(10), ...between(10, 26.9, 27.5)],
          [...ids.map((gameId) => game('released', { op: 'release', gameId })), ...inOrder()],
        ),
      ],
    },
    {
      rule: 'A game is released once, and only by its own id.',
      steps: [
        given(0, [it(0)], [game('it', { gameId: 'g1' })]),
        release(1, { g1: 'released', g2: 'unknown' }),
        release(2, { g1: 'unknown' }),
      ],
    },
    {
      rule: 'A late retry of the attempt that placed a released game gets the same answer for 2 s.',
      steps: [
        given(0, [it(0), server('other', [0, 19, 0])], [game('other', { gameId: 'g1', attempt: 'first' })]),
        release(10, { g1: 'released' }),
        given(
          11.999,
          [it(0), server('other', [0, 30, 0])],
          [game('other, recorded, same attempt', { gameId: 'g1', attempt: 'first' })],
        ),
        given(12, [it(0), server('other', [12, 30, 0])], [game('it', { gameId: 'g1', attempt: 'first' })]),
      ],
    },
    {
      rule: 'For any other attempt a released game is placed anew at once.',
      steps: [
        given(0, [it(0), server('other', [0, 19, 0])], [game('other', { gameId: 'g1', attempt: 'first' })]),
        release(10, { g1: 'released' }),
        given(
          11,
          [it(10), server('other', [10, 30, 0])],
          [
            game('it', { gameId: 'g1', attempt: 'second' }),
            game('it, recorded', { gameId: 'g1', attempt: 'first' }),
            game('it, recorded, same attempt', { gameId: 'g1', attempt: 'second' }),
          ],
        ),
      ],
    },
  ];
}

function lookUps(): GoldenDecision[] {
  const it = server('it', [0, 20, 0]);
  const lookUp = (outcome: string, gameId: string) => game(outcome, { op: 'lookup', gameId });
  return [
    {
      rule: 'A look up tells where a game is, and counts nothing.',
      // 20 + 3.75 + 1.25 = 25
      steps: [
        given(0, [it], [game('it', { gameId: 'g1' })]),
        given(
          1,
          [],
          [
            lookUp('it, found', 'g1'),
            lookUp('not_found', 'g2'),
            ...times(9, 'it, found', { op: 'lookup', gameId: 'g1' }),
          ],
        ),
        given(2, [it, server('under', [2, 20.8, 0]), server('over', [2, 21.6, 0])], inOrder()),
      ],
    },
    {
      rule: 'A look up never moves a game.',
      config: { leaseTtlS: 600 },
      steps: [
        given(0, [server('dead', [0, 1, 0])], [game('dead', { gameId: 'g1' })]),
        given(10, [it], [lookUp('dead, found', 'g1')], { presence: { second: 10, gone: ['dead'] } }),
        given(40, [it], [lookUp('dead, found', 'g1')], { presence: { second: 40, gone: ['dead'] } }),
        given(41, [it], [game('it, reassigned', { gameId: 'g1' }), lookUp('it, found', 'g1')], {
          presence: { second: 41, gone: ['dead'] },
        }),
      ],
    },
    {
      rule: 'What is asked of a game in one call is done in the order in which it is asked.',
      steps: [
        given(
          0,
          [it],
          [
            lookUp('not_found', 'g1'),
            game('it', { gameId: 'g1' }),
            lookUp('it, found', 'g1'),
            game('it, found', { op: 'renew', gameId: 'g1' }),
            game('released', { op: 'release', gameId: 'g1' }),
            lookUp('not_found', 'g1'),
            game('not_found', { op: 'renew', gameId: 'g1' }),
            game('unknown', { op: 'release', gameId: 'g1' }),
            game('it', { gameId: 'g1' }),
            lookUp('it, found', 'g1'),
          ],
        ),
        given(
          1,
          [],
          [lookUp('it, found', 'g1'), game('released', { op: 'release', gameId: 'g1' }), lookUp('not_found', 'g1')],
        ),
        given(2, [], [lookUp('not_found', 'g1')]),
      ],
    },
  ];
}

function renewals(): GoldenDecision[] {
  const one = (second: number) => server('one', [second, 10, 0], { maxGames: 1 });
  const renew = (second: number, outcome = 'one, found') =>
    given(second, [], [game(outcome, { op: 'renew', gameId: 'g1' })]);
  const config = { leaseTtlS: 100 };
  const placed = given(0, [one(0)], [game('one', { gameId: 'g1' })]);
  return [
    {
      rule: 'A game that is renewed keeps its place for a whole lease more.',
      config,
      steps: [
        placed,
        renew(60),
        given(100, [one(100)], games('no_capacity')),
        given(159.999, [one(150)], games('no_capacity')),
        given(160, [one(150)], games('one no_capacity')),
      ],
    },
    {
      rule: 'A game that is renewed is released as any other.',
      config,
      steps: [placed, renew(60), release(150, { g1: 'released' }), given(151, [one(150)], games('one no_capacity'))],
    },
    {
      rule: 'A server that is not listed for long is remembered while its games are renewed.',
      config: { leaseTtlS: 3600 },
      steps: [
        placed,
        renew(3000),
        given(3700, [server('other', [3700, 10, 0])], games('other')),
        given(3800, [one(3800)], games('no_capacity')),
      ],
    },
    {
      rule: 'After its deadline a game is neither renewed nor released, and nothing is chosen.',
      config,
      steps: [
        placed,
        given(
          60,
          [one(60)],
          [
            game('late', { op: 'renew', gameId: 'g1', deadline: 59 }),
            game('late', { op: 'release', gameId: 'g1', deadline: 59 }),
            game('late', { op: 'choose', deadline: 59 }),
            game('one, found', { op: 'lookup', gameId: 'g1', deadline: 59 }),
            ...games('no_capacity'),
          ],
        ),
        given(99.999, [one(90)], games('no_capacity')),
        given(100, [one(90)], games('one')),
      ],
    },
  ];
}

function choices(): GoldenDecision[] {
  const it = (second: number) => server('it', [second, 20, 0]);
  const choose = (count: number, id: string, more: { level?: 'low' | 'high' } = {}) =>
    times(count, `${id}, chosen`, { op: 'choose', ...more });
  return [
    {
      rule: 'A choice goes by CPU, or by RAM.',
      steps: [
        given(
          0,
          [server('busy-cpu', [0, 60, 30]), server('busy-ram', [0, 30, 60])],
          [...choose(1, 'busy-ram'), ...choose(1, 'busy-cpu', { level: 'high' })],
        ),
      ],
    },
    {
      rule: 'A choice is pending like a game.',
      // 20 + 3.75 + 10 x 1.25 = 36.25
      steps: [
        given(0, [it(0)], [...choose(4, 'it'), ...times(6, 'it')]),
        given(2, [it(0), ...between(0, 32, 33)], inOrder()),
        given(3, [server('idle', [0, 0, 0])], choose(1, 'idle')),
      ],
    },
    {
      rule: 'A choice is remembered as a session.',
      // As twenty games: 1.4 x 20 x 0.999 + 3 = 30.97, and a quarter more
      steps: [
        given(0, [server('it')], choose(20, 'it')),
        given(1, [server('it'), ...between(1, 34.5, 35.4)], inOrder()),
      ],
    },
    {
      rule: 'A choice needs no place, and takes none.',
      steps: [
        given(
          0,
          [server('one', [0, 10, 0], { maxGames: 1 })],
          [...choose(2, 'one'), ...games('one no_capacity'), ...choose(2, 'one')],
        ),
      ],
    },
    {
      rule: 'To pack is to choose the most used up, also where it is full.',
      config: { strategy: 'pack' },
      steps: [
        given(
          0,
          [server('full', [0, 60, 0], { maxGames: 1 }), server('free', [0, 40, 0])],
          [...games('full free'), ...choose(1, 'full')],
        ),
      ],
    },
    {
      rule: 'Where nobody is listed, nothing is chosen.',
      steps: [given(0, [], [game('no_candidate', { op: 'choose' })])],
    },
  ];
}

function records(): GoldenDecision[] {
  const it = server('it', [0, 20, 0]);
  return [
    {
      rule: 'A game that is recorded stays where it is and counts no second time.',
      // 20 + 3.75 + 1.25 = 25
      steps: [
        given(0, [it], [game('it', { gameId: 'g1', attempt: 'first' })]),
        given(
          1,
          [it, ...between(0, 0, 10)],
          [
            ...times(9, 'it, recorded', { gameId: 'g1' }),
            game('it, recorded, same attempt', { gameId: 'g1', attempt: 'first' }),
          ],
        ),
        given(2, [], [game('it, recorded', { gameId: 'g1' })]),
        given(3, [it, server('under', [3, 20.8, 0]), server('over', [3, 21.6, 0])], inOrder()),
      ],
    },
    {
      rule: 'A game that is asked for twice in one call is placed once.',
      steps: [
        given(
          0,
          [it, server('other', [0, 20.1, 0])],
          [game('it', { gameId: 'g1' }), game('it, recorded', { gameId: 'g1' }), ...games('other')],
        ),
      ],
    },
    {
      rule: 'After its deadline a game is not placed, and one that was is answered.',
      steps: [
        given(0, [it], [game('it', { gameId: 'g1' })]),
        given(
          10,
          [it],
          [
            game('late', { gameId: 'g2', deadline: 9 }),
            game('it, recorded', { gameId: 'g1', deadline: 9 }),
            game('it', { gameId: 'g2', deadline: 10 }),
          ],
        ),
      ],
    },
    {
      rule: 'Where nobody is listed, nothing is placed.',
      steps: [given(0, [], games('no_candidate')), given(1, [it], games('it'))],
    },
  ];
}

function reassignment(): GoldenDecision[] {
  const others = (second: number) => [server('b', [second, 10, 0]), server('c', [second, 20, 0])];
  const gone = (second: number) => ({ presence: { second, gone: ['dead'] } });
  const back = (second: number) => ({ presence: { second, back: ['dead'] } });
  const g1 = (outcome: string) => [game(outcome, { gameId: 'g1' })];
  const placed = given(0, [server('dead', [0, 1, 0])], g1('dead'));
  const config = { leaseTtlS: 600 };
  return [
    {
      rule: 'A game whose server is gone for 30 s moves once, for all who ask.',
      config,
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(39, others(39), g1('dead, recorded'), gone(39)),
        given(40, others(40), [...g1('b, reassigned'), ...g1('b, recorded, reassigned')], gone(40)),
        given(50, others(50), g1('b, recorded, reassigned'), gone(50)),
      ],
    },
    {
      rule: 'A game moves only by a view of the end of the grace that calls its server gone.',
      config,
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(60, others(60), g1('dead, recorded'), gone(39)),
        given(61, others(61), [...g1('dead, recorded'), ...games('b')], { presence: { second: 61 } }),
        given(62, others(62), g1('dead, recorded')),
        given(63, others(63), g1('b, reassigned'), gone(63)),
      ],
    },
    {
      rule: 'A view older than the record does not move the game.',
      config,
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(50, [server('dead', [50, 1, 0])], [game('dead', { gameId: 'g2' })], { presence: { second: 45 } }),
        given(51, others(51), [game('dead, recorded', { gameId: 'g2' })], gone(50)),
        given(85, others(85), [game('b, reassigned', { gameId: 'g2' })], gone(85)),
      ],
    },
    {
      rule: 'The grace begins anew when a view that is newer than its begin saw the server back.',
      config,
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(30, others(30), g1('dead, recorded'), back(29)),
        given(45, others(45), g1('dead, recorded'), gone(45)),
        given(74, others(74), g1('dead, recorded'), gone(74)),
        given(75, others(75), g1('b, reassigned'), gone(75)),
      ],
    },
    {
      rule: 'A view that is no newer than the begin of the grace does not end it.',
      config,
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(30, others(30), g1('dead, recorded'), back(10)),
        given(40, others(40), g1('b, reassigned'), gone(40)),
      ],
    },
    {
      rule: 'That a server is gone is forgotten after an hour.',
      config,
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(3610, others(3610), [game('dead, recorded', { gameId: 'g1', deadline: 3609 })], gone(3610)),
        given(3611, others(3611), g1('dead, recorded'), gone(3611)),
        given(3640, others(3640), g1('dead, recorded'), gone(3640)),
        given(3641, others(3641), g1('b, reassigned'), gone(3641)),
      ],
    },
    {
      rule: 'A game that moves after its lease has ended gives back its place once.',
      steps: [
        given(0, [server('dead', [0, 9, 0], { maxGames: 2 })], [...g1('dead'), ...games('dead')]),
        given(40, [server('dead', [30, 9, 0], { maxGames: 2 })], games('no_capacity')),
        given(60, others(60), g1('dead, recorded'), gone(60)),
        // Both leases have ended by now
        given(80, [server('dead', [80, 9, 0], { maxGames: 2 })], games('dead dead')),
        given(90, others(90), g1('b, reassigned'), gone(90)),
        given(91, [server('dead', [91, 9, 0], { maxGames: 2 })], games('no_capacity')),
      ],
    },
    {
      rule: 'With a grace of 0 no game moves.',
      config: { ...config, reassignGraceMs: 0 },
      steps: [
        placed,
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(500, others(500), g1('dead, recorded'), gone(500)),
      ],
    },
    {
      rule: 'A game stays where nobody can take it, and where it is too late.',
      config,
      steps: [
        placed,
        given(10, [server('full', [10, 10, 0], { maxGames: 1 })], games('full'), gone(10)),
        given(50, [server('full', [50, 10, 0], { maxGames: 1 })], g1('dead, recorded'), gone(50)),
        given(51, others(51), [game('dead, recorded', { gameId: 'g1', deadline: 50 })], gone(51)),
        given(52, others(52), g1('b, reassigned'), gone(52)),
      ],
    },
    {
      rule: 'A moved game gives back its place.',
      config,
      steps: [
        given(0, [server('dead', [0, 9, 0], { maxGames: 1 })], g1('dead')),
        given(10, others(10), g1('dead, recorded'), gone(10)),
        given(40, others(40), g1('b, reassigned'), gone(40)),
        given(41, [server('dead', [0, 9, 0], { maxGames: 1 }), ...others(41)], games('dead b'), back(41)),
      ],
    },
  ];
}
