// Package schema says what an event looks like, and takes events apart.
//
// A schema is a YAML text in the language of Panther's log schemas: the fields
// of a log type, their types, which of them are required, which one holds the
// time of the event, and which ones hold indicators: addresses, user names,
// e-mail addresses, host names. [Compile] turns the text into an immutable
// [Schema]; the schemas that Margay knows from the start are in the directory
// builtin and come from [Builtin].
//
// [Schema.Coerce] takes a decoded event apart into the cells of a [Row], or says
// why the event does not fit. Nothing of an event gets lost on the way: top-level
// fields that the schema does not declare are kept as p_extra, and the event's
// own bytes are stored beside the columns anyway.
//
// A [Classifier] finds the schema of an event when a source may deliver several.
// Its answer depends on nothing but the event and the list of schemas.
//
// # The language
//
// At the top level stand schema (the log type), description, referenceURL,
// version, parser (only native, which is documentation), definitions, and fields.
// Two keys are our own: preferredWith names fields whose presence makes this
// schema the first choice among equals, and p_* columns need no declaration.
//
// A field has a name, a description, required, and a value: type with what
// belongs to the type (fields, element, target, timeFormat or timeFormats,
// isEventTime, indicators). Input can be taken from elsewhere in the event:
//
//   - rename: {from: PIN} reads another key at the same level. From may be a list:
//     the first key that is present wins.
//   - copy: {from: a.b.0.c} repeats a value from anywhere in the event, positions
//     of arrays included. From may be a list here too. A copy is there to make
//     queries pleasant, so a value that does not suit the type is passed over
//     instead of failing the event: it is still to be seen where it came from.
package schema
