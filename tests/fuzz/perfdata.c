/* What a plugin printed: taken apart, and its performance data read to the end. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "../../modules/source-exec/output.h"
#include "../../modules/source-exec/perfdata.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct output output = yett_output_split((const char *)bytes, length);

	for (int part = 0; part < 2; part++) {
		struct perfdata_reader reader;
		struct perfdata item;
		size_t items = 0;
		int r;

		yett_perfdata_start(
			&reader, output.perfdata[part].bytes, output.perfdata[part].length);
		while ((r = yett_perfdata_next(&reader, &item)) != 0) {
			/* each item takes at least a byte, and is whole */
			if (++items > length ||
				(r > 0 && (item.label.length == 0 || item.unit.length == 0))) {
				abort();
			}
		}
	}
	return 0;
}
