"""The org's quota: what /limits shows, and the count of API calls behind it."""

from typing import Any

from sandbox.salesforce.errors import ApiError

_FIXED = {
    "ActiveScratchOrgs": 40,
    "AnalyticsExternalDataSizeMB": 40960,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAnalyticsUploadedFilesSizeMB": 51200,
    "DailyAsyncApexExecutions": 250000,
    "DailyAsyncApexTests": 500,
    "DailyDurableGenericStreamingApiEvents": 10000,
    "DailyDurableStreamingApiEvents": 10000,
    "DailyEinsteinDataInsightsStoryCreation": 1000,
    "DailyFunctionsApiCallLimit": 235000,
    "DailyGenericStreamingApiEvents": 10000,
    "DailyScratchOrgs": 80,
    "DailyStandardVolumePlatformEvents": 10000,
    "DailyStreamingApiEvents": 10000,
    "DailyWorkflowEmails": 1000,
    "DataStorageMB": 11264,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 11264,
    "HourlyAsyncReportRuns": 1200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5000,
    "HourlyDashboardStatuses": 999999999,
    "HourlyLongTermIdMapping": 100000,
    "HourlyManagedContentPublicRequests": 50000,
    "HourlyODataCallout": 1000,
    "HourlyPublishedPlatformEvents": 50000,
    "HourlyPublishedStandardVolumePlatformEvents": 1000,
    "HourlyShortTermIdMapping": 100000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 1000,
    "MassEmail": 5000,
    "MonthlyPlatformEvents": 2000000,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "PermissionSets": 1500,
    "PrivateConnectOutboundCalloutHourlyLimitMB": 0,
    "SingleEmail": 5000,
    "StreamingApiConcurrentClients": 20,
}
BULK_BATCHES, BULK_QUERY_JOBS, BULK_QUERY_MB = 15_000, 10_000, 976_562


class Usage:
    """API calls of the rolling day. One that starts when the limit is reached is refused."""

    def __init__(self, limit: int, *, enforced: bool) -> None:
        self.limit = limit
        self.used = 0
        self.query_jobs = 0
        self._enforced = enforced

    def charge(self, calls: int = 1) -> None:
        if self._enforced and self.used + calls > self.limit:
            self.used = max(self.used, self.limit)
            raise ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")
        self.used += calls

    @property
    def header(self) -> str:
        return f"api-usage={self.used}/{self.limit}"

    def report(self) -> dict[str, Any]:
        out: dict[str, Any] = {name: {"Max": most, "Remaining": most} for name, most in _FIXED.items()}
        out["DailyApiRequests"] = {"Max": self.limit, "Remaining": max(self.limit - self.used, 0)}
        out["DailyBulkApiBatches"] = {"Max": BULK_BATCHES, "Remaining": BULK_BATCHES}
        out["DailyBulkV2QueryJobs"] = {"Max": BULK_QUERY_JOBS, "Remaining": BULK_QUERY_JOBS - self.query_jobs}
        out["DailyBulkV2QueryFileStorageMB"] = {"Max": BULK_QUERY_MB, "Remaining": BULK_QUERY_MB}
        out["PermissionSets"]["CreateCustom"] = {"Max": 1000, "Remaining": 1000}
        return dict(sorted(out.items()))
