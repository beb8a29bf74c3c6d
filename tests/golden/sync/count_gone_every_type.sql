SELECT
    COUNT(*) AS alive,
    COUNT(*) - COUNT(source."IN_SOURCE") AS gone
FROM "SHOP"."ORDERS" AS target
LEFT JOIN (
    SELECT DISTINCT
        "ID", "C0", "C1", "C2", "C3", "C4", "C5", "C6", "C7"::DECFLOAT AS "C7", "C8", "C9", "C10", "C11", "C12", "C13", "C14", "C15", "C16", "C17", "C18", "C19", PARSE_JSON("C20", 'd') AS "C20", PARSE_JSON("C21", 'd')::ARRAY AS "C21", PARSE_JSON("C22", 'd')::OBJECT AS "C22", "C23", "C24",
        TRUE AS "IN_SOURCE"
    FROM "STAGING"."ORDERS__RUN"
) AS source ON target."ID" = source."ID" AND EQUAL_NULL(target."C0", source."C0") AND EQUAL_NULL(target."C1", source."C1") AND EQUAL_NULL(target."C2", source."C2") AND EQUAL_NULL(target."C3", source."C3") AND EQUAL_NULL(target."C4", source."C4") AND EQUAL_NULL(target."C5", source."C5") AND EQUAL_NULL(target."C6", source."C6") AND EQUAL_NULL(target."C7", source."C7") AND EQUAL_NULL(target."C8", source."C8") AND EQUAL_NULL(target."C9", source."C9") AND EQUAL_NULL(target."C10", source."C10") AND EQUAL_NULL(target."C11", source."C11") AND EQUAL_NULL(target."C12", source."C12") AND EQUAL_NULL(target."C13", source."C13") AND EQUAL_NULL(target."C14", source."C14") AND EQUAL_NULL(target."C15", source."C15") AND EQUAL_NULL(target."C16", source."C16") AND EQUAL_NULL(target."C17", source."C17") AND EQUAL_NULL(target."C18", source."C18") AND EQUAL_NULL(target."C19", source."C19") AND EQUAL_NULL(target."C20", source."C20") AND EQUAL_NULL(target."C21", source."C21") AND EQUAL_NULL(target."C22", source."C22") AND EQUAL_NULL(target."C23", source."C23") AND EQUAL_NULL(target."C24", source."C24")
WHERE TRUE;
