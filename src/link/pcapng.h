/* pcapng.h: the numbers of the pcapng format that reader and writer share (draft-ietf-opsawg-pcapng). */
#ifndef NSCAN_LINK_PCAPNG_H
#define NSCAN_LINK_PCAPNG_H

#include <stddef.h>

#define PCAPNG_SECTION    0x0a0d0d0aU
#define PCAPNG_BYTE_ORDER 0x1a2b3c4dU

enum {
	PCAPNG_INTERFACE = 1,
	PCAPNG_OLD_PACKET = 2,
	PCAPNG_SIMPLE_PACKET = 3,
	PCAPNG_STATISTICS = 5,
	PCAPNG_PACKET = 6,

	PCAPNG_MAJOR = 1,

	/* Lengths: of a block without a body, and of what stands in a body before packet data or options. */
	PCAPNG_BLOCK_BYTES = 12,
	PCAPNG_SECTION_BYTES = 16,
	PCAPNG_INTERFACE_BYTES = 8,
	PCAPNG_PACKET_BYTES = 20,
	PCAPNG_SIMPLE_BYTES = 4,
	PCAPNG_STATISTICS_BYTES = 12,
	PCAPNG_OPTION_HEADER_BYTES = 4,

	PCAPNG_OPTION_END = 0,
	PCAPNG_OPTION_COMMENT = 1,
	PCAPNG_OPTION_MAX_BYTES = 65535,
	PCAPNG_SHB_HARDWARE = 2,
	PCAPNG_SHB_OS = 3,
	PCAPNG_SHB_APPLICATION = 4,
	PCAPNG_IF_NAME = 2,
	PCAPNG_IF_MAC = 6,
	PCAPNG_IF_TSRESOL = 9,
	PCAPNG_IF_TSOFFSET = 14,
	PCAPNG_EPB_FLAGS = 2,
	PCAPNG_ISB_IFDROP = 5,
	PCAPNG_ISB_OSDROP = 7,
};

/* Everything is padded to 32 bits. */
static inline size_t pcapng_padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

#endif
