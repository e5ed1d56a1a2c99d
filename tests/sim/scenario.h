/* scenario.h: random scenarios: one seed is one host, its limiter, its ports and its path. */
#ifndef NSCAN_TESTS_SCENARIO_H
#define NSCAN_TESTS_SCENARIO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/sim.h"

/* Runs the scenario of that seed, traced; true when every state came out right. */
bool scenario_one(uint64_t seed, FILE *out);
/* The same without a trace. */
bool scenario_exact(uint64_t seed);
/* That scenario, gone on with after some of its ports were settled by an earlier run, as --resume does; traced when `trace` is not NULL. */
bool scenario_resumed(uint64_t seed, FILE *trace);
/* The host disappears in the middle, and comes back, or does not: then what is not known has to be called so, and soon. */
bool scenario_gone(uint64_t seed, bool for_ever, FILE *trace);
/* Runs `count` of them from seed `first` on; prints how long they took against their floors, and each failing seed with the
 * way to replay it. Returns how many failed, and how many kinds of limits took longer than they may. */
unsigned scenario_many(uint64_t first, unsigned long count, FILE *out);

#endif
