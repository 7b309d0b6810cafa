/* yettctl. */
#include "ctl.h"

int main(int argc, char **argv)
{
	return yett_ctl_main(argc, argv);
}
