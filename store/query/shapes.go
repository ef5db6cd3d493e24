package query

// fieldKind says what a field of a tree's object holds.
type fieldKind uint8

// The kinds. Those with an s are lists of the one before.
const (
	fieldScalar    fieldKind = iota + 1 // text, numbers, and lists of them
	fieldData                           // a constant: data whatever it contains
	fieldNone                           // must be empty
	fieldType                           // a data type
	fieldCTEs                           // the map of common table expressions
	fieldNode                           // a query node
	fieldNodes                          //
	fieldCall                           // the call of a table function
	fieldSelect                         // a SELECT: a node and its parameters
	fieldExpr                           // an expression
	fieldExprs                          // expressions
	fieldExprLists                      // rows of expressions
	fieldTable                          // what stands behind FROM
	fieldModifier                       // ORDER BY, LIMIT, DISTINCT
	fieldModifiers                      //
	fieldPart                           // an object that only its field names
	fieldParts                          //
)

// item returns the kind of a list's items.
func (k fieldKind) item() fieldKind {
	switch k {
	case fieldExprs:
		return fieldExpr
	case fieldExprLists:
		return fieldExprs
	case fieldModifiers:
		return fieldModifier
	case fieldNodes:
		return fieldNode
	case fieldParts:
		return fieldPart
	}
	return fieldNone
}

// shape lists every field that an object may have.
type shape map[string]fieldKind

// The shapes below follow what DuckDB 1.5 writes for each node of its syntax
// tree. A field that is missing here makes the gate refuse the statement, so a
// new version can only make it stricter.

var selectShape = shape{"node": fieldNode, "named_param_map": fieldNone}

var nodeShapes = map[string]shape{
	"SELECT_NODE": {
		"type": fieldScalar, "modifiers": fieldModifiers, "cte_map": fieldCTEs, "select_list": fieldExprs, "from_table": fieldTable,
		"where_clause": fieldExpr, "group_expressions": fieldExprs, "group_sets": fieldScalar, "aggregate_handling": fieldScalar,
		"having": fieldExpr, "sample": fieldPart, "qualify": fieldExpr,
	},
	"SET_OPERATION_NODE": {
		"type": fieldScalar, "modifiers": fieldModifiers, "cte_map": fieldCTEs, "setop_type": fieldScalar,
		"left": fieldNode, "right": fieldNode, "setop_all": fieldScalar, "children": fieldNodes,
	},
	"RECURSIVE_CTE_NODE": {
		"type": fieldScalar, "modifiers": fieldModifiers, "cte_map": fieldCTEs, "cte_name": fieldScalar, "union_all": fieldScalar,
		"left": fieldNode, "right": fieldNode, "aliases": fieldScalar, "key_targets": fieldExprs,
	},
}

var modifierShapes = map[string]shape{
	"ORDER_MODIFIER":         {"type": fieldScalar, "orders": fieldParts},
	"LIMIT_MODIFIER":         {"type": fieldScalar, "limit": fieldExpr, "offset": fieldExpr},
	"LIMIT_PERCENT_MODIFIER": {"type": fieldScalar, "limit": fieldExpr, "offset": fieldExpr},
	"DISTINCT_MODIFIER":      {"type": fieldScalar, "distinct_on_targets": fieldExprs},
}

// tableBase is what every table reference has.
func tableBase(more shape) shape {
	s := shape{"type": fieldScalar, "alias": fieldScalar, "sample": fieldPart, "query_location": fieldScalar}
	for k, v := range more {
		s[k] = v
	}
	return s
}

var tableShapes = map[string]shape{
	"EMPTY": tableBase(nil),
	"BASE_TABLE": tableBase(shape{
		"schema_name": fieldScalar, "table_name": fieldScalar, "catalog_name": fieldScalar,
		"column_name_alias": fieldScalar, "at_clause": fieldNone,
	}),
	"SUBQUERY": tableBase(shape{"subquery": fieldSelect, "column_name_alias": fieldScalar}),
	"JOIN": tableBase(shape{
		"left": fieldTable, "right": fieldTable, "condition": fieldExpr, "join_type": fieldScalar, "ref_type": fieldScalar,
		"using_columns": fieldScalar, "delim_flipped": fieldNone, "duplicate_eliminated_columns": fieldNone,
	}),
	"TABLE_FUNCTION": tableBase(shape{
		"function": fieldCall, "column_name_alias": fieldScalar, "with_ordinality": fieldScalar,
	}),
	"EXPRESSION_LIST": tableBase(shape{"expected_names": fieldScalar, "expected_types": fieldNone, "values": fieldExprLists}),
	"PIVOT": tableBase(shape{
		"source": fieldTable, "aggregates": fieldExprs, "unpivot_names": fieldScalar, "pivots": fieldParts,
		"groups": fieldScalar, "column_name_alias": fieldScalar, "include_nulls": fieldScalar,
	}),
	"SHOW_REF": tableBase(shape{
		"table_name": fieldScalar, "query": fieldNode, "show_type": fieldScalar, "catalog_name": fieldNone, "schema_name": fieldNone,
	}),
}

// exprBase is what every expression has.
func exprBase(more shape) shape {
	s := shape{"class": fieldScalar, "type": fieldScalar, "alias": fieldScalar, "query_location": fieldScalar}
	for k, v := range more {
		s[k] = v
	}
	return s
}

var functionShape = exprBase(shape{
	"function_name": fieldScalar, "schema": fieldScalar, "catalog": fieldScalar, "children": fieldExprs, "filter": fieldExpr,
	"order_bys": fieldModifier, "distinct": fieldScalar, "is_operator": fieldScalar, "export_state": fieldNone,
})

var exprShapes = map[string]shape{
	"BETWEEN":    exprBase(shape{"input": fieldExpr, "lower": fieldExpr, "upper": fieldExpr}),
	"CASE":       exprBase(shape{"case_checks": fieldParts, "else_expr": fieldExpr}),
	"CAST":       exprBase(shape{"child": fieldExpr, "cast_type": fieldType, "try_cast": fieldScalar}),
	"COLLATE":    exprBase(shape{"child": fieldExpr, "collation": fieldScalar}),
	"COLUMN_REF": exprBase(shape{"column_names": fieldScalar}),
	"COMPARISON": exprBase(shape{"left": fieldExpr, "right": fieldExpr}),
	"CONJUNCTION": exprBase(shape{
		"children": fieldExprs,
	}),
	"CONSTANT":             exprBase(shape{"value": fieldData}),
	"FUNCTION":             functionShape,
	"LAMBDA":               exprBase(shape{"lhs": fieldExpr, "expr": fieldExpr, "syntax_type": fieldScalar}),
	"OPERATOR":             exprBase(shape{"children": fieldExprs}),
	"POSITIONAL_REFERENCE": exprBase(shape{"index": fieldScalar}),
	"STAR": exprBase(shape{
		"relation_name": fieldScalar, "exclude_list": fieldScalar, "replace_list": fieldParts, "columns": fieldScalar,
		"expr": fieldExpr, "qualified_exclude_list": fieldParts, "rename_list": fieldParts,
	}),
	"SUBQUERY": exprBase(shape{
		"subquery_type": fieldScalar, "subquery": fieldSelect, "child": fieldExpr, "comparison_type": fieldScalar,
	}),
	"WINDOW": exprBase(shape{
		"function_name": fieldScalar, "schema": fieldScalar, "catalog": fieldScalar, "children": fieldExprs, "partitions": fieldExprs,
		"orders": fieldParts, "start": fieldScalar, "end": fieldScalar, "start_expr": fieldExpr, "end_expr": fieldExpr,
		"offset_expr": fieldExpr, "default_expr": fieldExpr, "ignore_nulls": fieldScalar, "filter_expr": fieldExpr,
		"exclude_clause": fieldScalar, "distinct": fieldScalar, "arg_orders": fieldParts,
	}),
}

var orderShape = shape{"type": fieldScalar, "null_order": fieldScalar, "expression": fieldExpr}

// partShapes are the shapes of objects without a type, by the field they are in.
var partShapes = map[string]shape{
	"orders":      orderShape,
	"arg_orders":  orderShape,
	"case_checks": {"when_expr": fieldExpr, "then_expr": fieldExpr},
	"cte":         {"aliases": fieldScalar, "query": fieldSelect, "materialized": fieldScalar, "key_targets": fieldExprs},
	"entries":     {"values": fieldData, "star_expr": fieldExpr, "alias": fieldScalar},
	"key":         {"catalog": fieldScalar, "schema": fieldScalar, "table": fieldScalar, "column": fieldScalar},
	"pivots": {
		"pivot_expressions": fieldExprs, "unpivot_names": fieldScalar, "entries": fieldParts, "pivot_enum": fieldNone, "subquery": fieldNone,
	},
	"qualified_exclude_list": {"catalog": fieldScalar, "schema": fieldScalar, "table": fieldScalar, "column": fieldScalar},
	"rename_list":            {"key": fieldPart, "value": fieldScalar},
	"replace_list":           {"key": fieldScalar, "value": fieldExpr},
	"sample":                 {"sample_size": fieldData, "is_percentage": fieldScalar, "method": fieldScalar, "seed": fieldScalar},
}

var operatorTypes = map[string]bool{
	"ARRAY_CONSTRUCTOR": true, "ARRAY_EXTRACT": true, "ARRAY_SLICE": true, "COMPARE_IN": true, "COMPARE_NOT_IN": true,
	"GROUPING_FUNCTION": true, "OPERATOR_COALESCE": true, "OPERATOR_IS_NOT_NULL": true, "OPERATOR_IS_NULL": true,
	"OPERATOR_NOT": true, "OPERATOR_NULLIF": true, "OPERATOR_TRY": true, "OPERATOR_UNPACK": true, "STRUCT_EXTRACT": true,
}
