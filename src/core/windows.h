/* windows.h: limits on ICMP errors that come in windows: so many errors at once, from the first one on for a fixed time; the next window
 * begins with the first error after that (BSD: 100 or 200 each second; Solaris: 10 each 100 ms).
 *
 * Nothing is gained by spreading asks over a window: a volley of ports goes out when a window is surely over, so many that the
 * next one is very probably used up, and the one after comes when that is over, by the clock if the round trip is longer.
 * What a volley says is read once all of it is decided: where fewer errors came than a window surely has, every port that stayed
 * silent had one to take, whatever the path does to the order; where the window was used up, those asked before the last one
 * refused had. When few closed ports are left, all that are left are asked as often as it takes, with sentinels behind them.
 *
 *   windows_find.c     whether a host looks as if it had such a limit
 *   windows.c          what the volleys say and prove
 *   windows_choose.c   what to ask, and when */
#ifndef NSCAN_CORE_WINDOWS_H
#define NSCAN_CORE_WINDOWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct choice;
struct engine;
struct host;
struct lane;
struct log_entry;
struct port_slot;

/* The largest step between two asks of a volley, for the sake of their order, and the longest that all of it may take: windows. */
#define LONGEST_VOLLEY 0.3

/* Times the errors of a window it sometimes has: FreeBSD varies them. */
#define SOMETIMES_MORE 1.1

struct windows {
	int64_t length_ns; /* 0: no such limit is known, nor on trial */
	uint32_t errors;   /* that one gives */
	bool trying;       /* asked as if it were; what contradicts that ends it */
	bool no_bucket;    /* none came for asks so late that a bucket would have had tokens again */
	uint8_t given_up;  /* so often: it is another limit */
	bool was_patient;  /* before it was tried */
	uint8_t in_vain;   /* volleys in a row that gave far less than a window has */

	bool nothing_came;   /* of the last volley judged */
	uint8_t trials;      /* volleys on trial ... */
	uint8_t kept;        /* ... that used up a window of the right size */
	uint8_t fruitless;   /* volleys in a row that settled and proved nothing */
	uint32_t known_from; /* log number of the first ask after the last of them, or one in vain, was known */
	size_t settled;      /* ports, at the last one judged */

	/* The newest volley. */
	bool open;                           /* more of it is to come */
	bool is_last;                        /* it is to prove all that is left silent */
	uint32_t first;                      /* log number of its first ask */
	int64_t began_ns, taker_ns;          /* when it began; when one of it had very probably been refused */
	int64_t sure_ns;                     /* from then on there surely are errors */
	int64_t step_ns;                     /* between two asks of it */
	double wanted;                       /* errors */
	double expected, variance, nobody;   /* errors expected of it; probability that there is none */
	uint32_t pass, passes, left_in_pass; /* of a last one: asks of each port */
	bool lead;                           /* a sentinel in front is still to come */
	uint32_t sentinels;                  /* still to come at its end */
	int64_t planned_ns;                  /* when the last window but one began, as far as is known */

	/* What is read of volleys, in the order sent. */
	uint32_t judged;  /* log number of the first ask not judged yet */
	int64_t start_ns; /* the latest at which the last window can have begun */
	uint32_t
	        opened; /* log number of the first error of the last window that surely was new then; NO_INDEX: none ... */
	int64_t opened_ns; /* ... and the earliest at which it can have begun */
	uint32_t since;    /* log number of the first error of a window that surely was new; NO_INDEX: none */
	uint32_t given;    /* errors since then: as long as they are fewer than a window has, none was ever used up */

	/* The ports. */
	double share; /* of those asked, that are closed */
	double left;  /* closed ports expected among all that are not settled */
};

/* windows_find.c */
/* Whether the next ask is one of such a host: it was recognised, is on trial, or its trial begins now.
 * Else lowers *wake_ns to when it may. */
bool windows_are_next(const struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);

/* windows.c */
/* Whether the lane's asks are those of such a host: it was recognised, or is on trial. */
bool windows_govern(const struct lane *lane);
/* An ask was refused: those of its volley that got nothing, as that shows, need not wait for their timeout. */
void windows_refused(struct engine *e, struct host *host, struct lane *lane, uint32_t number, int64_t at_ns);
/* Reads the volleys that are decided. */
void windows_judge(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns);
/* The ask timed out. */
bool windows_is_silent(const struct log_entry *entry);
/* It was silent, and there was an error for it with that probability: what that says of its port. */
void windows_weigh(struct lane *lane, struct log_entry *entry, double had_one);
/* Estimates the share of closed ports, and how many are left. */
void windows_count_share(struct lane *lane);
/* Errors that a window surely has, when so many that came are known: some may have been lost. */
double windows_surely(const struct lane *lane);
/* Many answers, and none was lost. */
bool windows_trust_path(const struct lane *lane);
/* The order of asks can be kept within a volley. */
bool windows_keep_order(const struct lane *lane);
/* Probability that the port is closed, after all its silences. */
double windows_likely(const struct lane *lane, const struct port_slot *slot);
/* So much later than its length after it began a window is surely over where it is seen from. */
int64_t windows_margin(const struct lane *lane);

/* windows_choose.c */
struct choice choose_windowed(struct engine *e, struct host *host, struct lane *lane, int64_t now_ns, int64_t *wake_ns);

#endif
