/* asking.h: shared by asking.c and groups.c only: one choice of what to ask, and who makes it. */
#ifndef NSCAN_CORE_ASKING_H
#define NSCAN_CORE_ASKING_H

#include "internal.h"

/* Below this a port that was silent before is not worth a token of its own. */
#define LIKELY 0.3
/* Above this share of closed ports there is little silence to prove. */
#define MOSTLY_CLOSED 0.85

/* One choice: a port out of its queue, or a sentinel, or nothing (slot NULL) until *wake_ns. */
struct choice {
	struct port_slot *slot;
	bool sentinel;
	bool check;
	bool urgent;
	bool stays; /* a suspect's copy: it stays in its queue, at the end */
};

/* Lowers *wake_ns to at_ns. */
void wake_at(int64_t *wake_ns, int64_t at_ns);
/* Takes the port out of the queue whose head it is. */
struct choice take(struct lane *lane, struct port_slot *slot);

/* groups.c */
/* A sentinel must not overtake the asks that it is to prove. */
bool too_close(const struct lane *lane, int64_t now_ns, int64_t *wake_ns);
bool not_spaced(const struct lane *lane, int64_t now_ns, int64_t *wake_ns);
/* A lead was sent a moment ago: its token is spent, and the group is to follow at once. */
bool has_lead(const struct lane *lane, int64_t now_ns);
/* Chooses the ask in front of a group of suspects, if the proof needs one and there is none lately. */
bool take_lead(struct lane *lane, int64_t now_ns, struct choice *choice);
struct choice choose_check(struct lane *lane, int64_t now_ns, int64_t *wake_ns);
struct choice choose_patient(struct lane *lane, int64_t now_ns, int64_t *wake_ns);
struct choice choose_unlimited(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                               int64_t *wake_ns);
struct choice choose_ending(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);

/* trial.c: what to ask while the limit is none of those in wide use. */
struct choice choose_collected(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                               int64_t *wake_ns);
/* All that is left is silent: proves it. */
struct choice choose_trial(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);

#endif
