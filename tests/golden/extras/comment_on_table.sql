ALTER TABLE "SHOP"."ORDERS" SET COMMENT = 'The shop''s orders';
