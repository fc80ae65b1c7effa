/*
 * process/title.h: what ps shows.
 *
 * Does     writes "waxwing: gate 1" over the argument vector and sets the thread's name.
 * Called   once, by main, before anything keeps pointers into argv.
 */
#ifndef PROCESS_TITLE_H
#define PROCESS_TITLE_H

/* argv and environ lie in one stretch: both are overwritten, environ's strings are copied first. */
void title_init(int argc, char **argv);
void title_set(const char *title);

#endif
