/* asking.h: one choice of what to ask, and who makes it: shared by the files that choose. */
#ifndef NSCAN_CORE_ASKING_H
#define NSCAN_CORE_ASKING_H

#include "internal.h"

/* Probability of a refusal below which a port that was silent before is not worth a token of its own: three asks would go out for one. */
#define LIKELY 0.3
/* Share of closed ports above which there is little silence to prove: less than one port in front of each refusal. */
#define MOSTLY_CLOSED 0.85
/* Between copies of an ask, so that they are not lost together: a full queue on the way is full for less, as a rule. */
enum { COPY_GAP_MS = 4 };

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
/* The level is below `need`: true, and *wake_ns is when it will not be. */
bool level_is_low(const struct lane *lane, double need, int64_t now_ns, int64_t *wake_ns);
/* Takes the port out of the queue whose head it is. */
struct choice take(struct lane *lane, struct port_slot *slot);

/* A port known to refuse. */
struct choice sentinel_choice(const struct lane *lane);

/* groups.c */
/* A sentinel must not overtake the asks that it is to prove. */
bool too_close(const struct lane *lane, int64_t now_ns, int64_t *wake_ns);
/* Where it costs next to nothing, asks that may be refused keep their distance, so that each one's silence can be proved by the
 * refusals behind it. */
bool not_spaced(const struct lane *lane, int64_t now_ns, int64_t *wake_ns);
/* A lead was sent a moment ago: its token is spent, and the group is to follow at once. */
bool has_lead(const struct lane *lane, int64_t now_ns);
/* What comes before a group of suspects, if their proof needs a lead: that, or nothing until the group may follow it. False: the group
 * may begin. */
bool choose_lead(struct lane *lane, int64_t now_ns, int64_t *wake_ns, struct choice *choice);
/* The next ask of the check under way, of a patient group, of a host without a limit, of the last group. */
struct choice choose_check(struct lane *lane, int64_t now_ns, int64_t *wake_ns);
struct choice choose_patient(struct lane *lane, int64_t now_ns, int64_t *wake_ns);
struct choice choose_unlimited(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                               int64_t *wake_ns);
struct choice choose_ending(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);

/* collect_choose.c: what to ask while the limit is none of those in wide use. */
struct choice choose_collected(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                               int64_t *wake_ns);
/* rollcall.c: all that is left is silent: proves it. */
struct choice choose_roll_call(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns,
                               int64_t *wake_ns);

#endif
