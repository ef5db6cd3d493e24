// Package synth writes the audit log of a mongod that never was: for
// demonstrations, load tests and teaching.
//
// A [Generator] makes lines in the form of Percona Server and MongoDB
// Enterprise, one event after the other, for ever. Several hundred people and
// services open sessions that hang together: they connect, authenticate
// (sometimes only at the second try), run the commands that their roles allow
// (and now and then one that they do not), and log out. Administrators manage
// users, roles, indexes and shards. Among all this there is now and then an
// attack, told in attack.go.
//
// The same seed gives the same bytes on every machine: all chance comes from
// one PCG, all arithmetic is in integers, and nothing depends on the order of a
// map. Hosts are named example.net, and all addresses are private ones or from
// the ranges that are set aside for documentation.
//
// [Log] writes such events to a file that grows and rotates, as mongod does.
package synth
