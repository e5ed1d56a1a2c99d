/* event.c: the names of host and port states, the same in every report. */
#include <stddef.h>

#include "nscan/event.h"

const char *host_state_name(enum host_state state)
{
	static const char *const names[] = {[HOST_UP] = "up", [HOST_DOWN] = "down", [HOST_UNKNOWN] = "unknown"};

	return (size_t)state < sizeof(names) / sizeof(*names) ? names[state] : "unknown";
}

const char *port_state_name(enum port_state state)
{
	static const char *const names[PORT_STATE_COUNT] = {
	        [PORT_UNKNOWN] = "unknown",
	        [PORT_OPEN] = "open",
	        [PORT_CLOSED] = "closed",
	        [PORT_FILTERED] = "filtered",
	        [PORT_OPEN_FILTERED] = "open|filtered",
	};

	return (size_t)state < PORT_STATE_COUNT ? names[state] : "unknown";
}

const char *mtu_how_name(enum mtu_how how)
{
	static const char *const names[] = {
	        [MTU_BY_INTERFACE] = "interface", [MTU_BY_CLAIM] = "frag-needed", [MTU_BY_SEARCH] = "search"};

	return (size_t)how < sizeof(names) / sizeof(*names) ? names[how] : "unknown";
}

const char *fragments_name(enum fragments state)
{
	static const char *const names[] = {
	        [FRAGMENTS_UNKNOWN] = "unknown", [FRAGMENTS_PASS] = "pass", [FRAGMENTS_DROPPED] = "dropped"};

	return (size_t)state < sizeof(names) / sizeof(*names) ? names[state] : "unknown";
}
