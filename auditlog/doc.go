// Package auditlog knows MongoDB's audit messages.
//
// At present it holds one thing: the [Redactor], which takes passwords, key
// material and the payloads of authentication conversations out of an event
// before anything of the event is stored. Servers write them: Percona Server
// logs the arguments of a command as the client sent them, so that the clear
// password of every createUser reaches the audit log.
//
// The rules are in one table, rules.go, and are told to users in
// docs/redaction.md. They work on the BSON form of the event, where a key has
// exactly one spelling: in text "pwd" may also be written "p\u0077d".
package auditlog
