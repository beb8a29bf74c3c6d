-- Parameter group: rds.logical_replication = 1 (elsewhere wal_level = logical), then a reboot.
GRANT rds_replication TO "<role that reads the log>"; -- elsewhere: ALTER ROLE ... REPLICATION
CREATE PUBLICATION "publication" FOR TABLE "public"."items", "public"."orders" WITH (publish_via_partition_root = true);
-- A table that is added later: ALTER PUBLICATION "publication" ADD TABLE ...;
-- Every table needs a primary key: without one the publication makes UPDATE and DELETE of the application fail.;
