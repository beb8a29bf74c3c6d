-- The two trusts towards AWS. IF NOT EXISTS: if Terraform has created them (it also
-- closes the trust handshake with the AWS roles), nothing new is made here. The ALTERs set
-- what Terraform has set; they keep the user and the external id that AWS trusts.
USE ROLE <% admin_role %>;

CREATE STORAGE INTEGRATION IF NOT EXISTS aurora_sync_storage
TYPE = EXTERNAL_STAGE
STORAGE_PROVIDER = 'S3'
ENABLED = TRUE
STORAGE_AWS_ROLE_ARN = '<% storage_role_arn %>'
STORAGE_ALLOWED_LOCATIONS = ('<% landing_url %>')
COMMENT = 'Reads the landing bucket of the Aurora sync';
ALTER STORAGE INTEGRATION aurora_sync_storage SET
STORAGE_AWS_ROLE_ARN = '<% storage_role_arn %>'
ENABLED = TRUE
STORAGE_ALLOWED_LOCATIONS = ('<% landing_url %>')
COMMENT = 'Reads the landing bucket of the Aurora sync';

CREATE API INTEGRATION IF NOT EXISTS aurora_sync_api
API_PROVIDER = AWS_API_GATEWAY
API_AWS_ROLE_ARN = '<% api_role_arn %>'
API_ALLOWED_PREFIXES = ('<% api_url %>')
ENABLED = TRUE
COMMENT = 'Calls the extraction Lambda of the Aurora sync';
ALTER API INTEGRATION aurora_sync_api SET -- noqa: PRS
API_AWS_ROLE_ARN = '<% api_role_arn %>'
API_ALLOWED_PREFIXES = ('<% api_url %>')
ENABLED = TRUE
COMMENT = 'Calls the extraction Lambda of the Aurora sync';

GRANT USAGE ON INTEGRATION aurora_sync_storage TO ROLE sync_admin;
GRANT USAGE ON INTEGRATION aurora_sync_api TO ROLE sync_admin;
