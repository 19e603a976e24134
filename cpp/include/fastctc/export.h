// Symbol visibility: everything is hidden but what carries FASTCTC_API.
#pragma once

#if defined(FASTCTC_STATIC)
#define FASTCTC_API
#elif defined(_WIN32)
#if defined(FASTCTC_BUILDING)
#define FASTCTC_API __declspec(dllexport)
#else
#define FASTCTC_API __declspec(dllimport)
#endif
#else
#define FASTCTC_API __attribute__((visibility("default")))
#endif
