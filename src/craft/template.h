/* template.h: a packet that libnet built, and the places in it where the next probe of its kind differs. */
#ifndef NSCAN_CRAFT_TEMPLATE_H
#define NSCAN_CRAFT_TEMPLATE_H

#include "nscan/craft.h"

enum { TEMPLATE_BYTES = 128 };

struct template
{
	struct probe probe; /* what it was built for */
	size_t bytes;       /* 0: nothing was built yet */
	uint8_t packet[TEMPLATE_BYTES];
};

/* Can the probe be made from the template, because only destination, identity and data differ? */
bool template_fits(const struct template *template, const struct probe *probe);
/* Keeps the packet that was built for the probe, when it is small enough. */
void template_keep(struct template *template, const struct probe *probe, const uint8_t *packet, size_t bytes);
/* Writes the probe's packet. Its checksums come from the template's by RFC 1624. Returns its length. */
size_t template_patch(const struct template *template, const struct probe *probe, uint8_t out[CRAFT_MAX_BYTES]);

#endif
