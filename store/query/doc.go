// Package query answers one SELECT of a user over views of segment files, and
// lets the text of that SELECT do nothing else.
//
// # Who answers
//
// [Run] never opens DuckDB in its own process. It starts the program's own
// executable again with the hidden argument [WorkerCommand], an empty
// environment and no file but three pipes, sends the [Request] on standard
// input, and passes on what comes out. The child ([Worker]) lives for one
// statement. So whatever a statement does to its process, crash, out of
// memory, an instance of DuckDB that answers nothing any more, it does to
// itself alone, and killing the process ends a statement that ignores
// DuckDB's interrupts, as scalar functions do.
//
// # What holds
//
// Four layers stand between a statement and the machine, from the inside out:
//
//  1. The gate. DuckDB's own parser turns the text into a tree, and the gate
//     walks it with three lists of what is allowed: kinds of nodes, with every
//     field of each; names of functions; names of tables. What is on no list is
//     refused, also what a later DuckDB may invent. This layer is the barrier;
//     it holds everywhere.
//  2. DuckDB's settings. Only the segment files of this request can be opened,
//     extensions can be neither installed nor loaded, and the configuration is
//     locked before the statement is prepared. This layer alone does not keep a
//     statement from overwriting one of the segments it may read.
//  3. Limits of the process: address space, CPU time, size of written files,
//     no core dumps, no new privileges, lower priority, and the parent's
//     SIGKILL when the time is up or the user gives up.
//  4. Landlock, where the kernel has it (Linux 5.13 and later): the child can
//     read the segments and what its own program is made of, and write its
//     temporary folder, nothing else. The rules are set on the thread that forks the
//     child, so that they hold before its first instruction.
//
// [CheckSandbox] tries the attacks for real and says which layer stopped them.
package query
