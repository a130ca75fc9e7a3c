import { Plugin, Tool, ToolProvider } from '@dify/plugin-sdk-ts'

class CalendarProvider extends ToolProvider {
  // Throws a ToolProviderCredentialValidationError for a wrong key, if provider/calendar.yaml declares one.
  validateCredentials() {}
}

class WeekdayTool extends Tool {
  async *invoke({ date }: Record<string, unknown>) {
    const day = new Date(`${date}T12:00:00Z`)
    const isValid = !Number.isNaN(day.getTime())
    const weekday = isValid ? day.toLocaleDateString('en', { weekday: 'long', timeZone: 'UTC' }) : ''
    const error = isValid ? '' : `date: expected a date such as 2026-03-01, got ${date}`
    // Dify prints a variable that is missing by its name, so every output is sent on every call.
    yield this.createStreamVariableMessage('status', isValid ? 'ok' : 'error')
    yield this.createStreamVariableMessage('weekday', weekday)
    yield this.createStreamVariableMessage('error', error)
    yield this.createTextMessage(isValid ? `${date} is a ${weekday}.` : error)
  }
}

const plugin = await Plugin.load({
  root: new URL('.', import.meta.url),
  provider: CalendarProvider,
  tools: { weekday: WeekdayTool },
})
process.exitCode = await plugin.run()
