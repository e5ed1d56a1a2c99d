/* services.h: the tables behind ports.h: what UDP services are called, and which ports matter most. */
#ifndef NSCAN_CORE_SERVICES_H
#define NSCAN_CORE_SERVICES_H

#include <stddef.h>
#include <stdint.h>

struct service {
	uint16_t port;
	const char *name;
};

/* Ascending by port. */
extern const struct service services[];
extern const size_t service_count;

/* Ports by importance, the first most worth asking. */
extern const uint16_t service_ranking[];
extern const size_t service_ranking_count;

#endif
