/* `yettctl ca` and `yettctl cert`: certificates, on files alone. `argv[0]` is the word itself
 * ("ca"); the result is the exit code: 0 done, 1 it failed, 2 it was not understood. */
#ifndef YETT_CTL_CA_H
#define YETT_CTL_CA_H

int yett_ctl_ca(int argc, char **argv);
int yett_ctl_cert(int argc, char **argv);

#endif
