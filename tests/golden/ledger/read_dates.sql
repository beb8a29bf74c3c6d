SELECT
    TO_VARCHAR(TRY_CAST('2001-02-03' AS DATE), 'YYYY-MM-DD')
        || ' ' || TO_VARCHAR(
            TRY_CAST('2001-02-03 04:05:06.789012' AS TIMESTAMP_NTZ(6)), 'YYYY-MM-DD HH24:MI:SS.FF6'
        )
        || ' ' || TO_VARCHAR(
            CONVERT_TIMEZONE(
                'UTC', TRY_CAST('2001-02-03 04:05:06.789012+01' AS TIMESTAMP_TZ(6))
            ),
            'YYYY-MM-DD HH24:MI:SS.FF6'
        ) AS dates_read_as;
